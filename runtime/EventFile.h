//===- EventFile.h - event files of TensorBoard -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalars in the record format that TensorBoard reads: length, masked CRC-32C,
// an Event message, masked CRC-32C. The few protobuf fields are written by
// hand.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_EVENTFILE_H
#define RNNC_RUNTIME_EVENTFILE_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rnnc::rt {

/// CRC-32C (Castagnoli) of bytes.
uint32_t crc32c(std::string_view bytes);

/// The record that begins an event file: file_version "brain.Event:2".
std::string eventFileStart(double wallTime);

/// The record of scalars of one step; `wallTime` in seconds since 1970.
std::string eventRecord(double wallTime, int64_t step,
                        std::span<const std::pair<std::string, float>> scalars);

/// The whole records of an event file up to and including `step`; a torn or
/// damaged record ends the file.
std::string cutEvents(std::string_view bytes, int64_t step);

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_EVENTFILE_H
