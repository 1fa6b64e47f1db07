//===- AtomicFileTest.cpp - files written whole or not at all -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Success, failure and what stays behind.
//
//===----------------------------------------------------------------------===//
#include "runtime/AtomicFile.h"

#include "tests/unit/runtime/TestFolder.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

using namespace rnnc::rt;

TEST(AtomicFile, WritesAndReplaces) {
  TestFolder folder;
  ASSERT_TRUE(writeFile(folder / "a", "one"));
  EXPECT_EQ(*readFile(folder / "a"), "one");
  ASSERT_TRUE(writeFile(folder / "a", std::string("t\0o", 3)));
  EXPECT_EQ(*readFile(folder / "a"), std::string("t\0o", 3));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, WithoutCommitNothingChanges) {
  TestFolder folder;
  ASSERT_TRUE(writeFile(folder / "a", "one"));
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("two"));
    EXPECT_EQ(folder.names().size(), 2u);
  }
  EXPECT_EQ(*readFile(folder / "a"), "one");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, Errors) {
  TestFolder folder;
  Result<void> missing = writeFile(folder / "no/a", "x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text(),
            (folder / "no/a").string() +
                ": cannot write: no such file or directory");
  Result<void> directory = writeFile(folder.path, "x");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message, "cannot write: is a directory");
  EXPECT_FALSE(writeFile("", "x"));
  Result<std::string> absent = readFile(folder / "a");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().message, "cannot read: no such file or directory");
  EXPECT_EQ(readFile(folder.path).error().message,
            "cannot read: is a directory");
  ASSERT_TRUE(writeFile(folder / "a", "12345"));
  EXPECT_EQ(readFile(folder / "a", 4).error().message,
            "cannot read: larger than 4 bytes");
}

TEST(AtomicFile, FullDisk) {
  if (::access("/dev/full", W_OK) != 0)
    return;
  Result<void> full = writeFile("/dev/full", "x");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().text(),
            "/dev/full: cannot write: no space left on device");
  struct stat info;
  ASSERT_EQ(::stat("/dev/full", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

TEST(AtomicFile, KeepsModeAndLinks) {
  TestFolder folder;
  ASSERT_TRUE(writeFile(folder / "a", "one"));
  ASSERT_EQ(::chmod((folder / "a").c_str(), 0640), 0);
  std::filesystem::create_symlink("a", folder / "link");
  ASSERT_TRUE(writeFile(folder / "link", "two"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(*readFile(folder / "a"), "two");
  struct stat info;
  ASSERT_EQ(::stat((folder / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(AtomicFile, RemovesHalfWritten) {
  TestFolder folder;
  ASSERT_TRUE(writeFile(folder / ".a.12-0.rnnc-part", "x"));
  ASSERT_TRUE(writeFile(folder / "keep", "x"));
  removeHalfWritten(folder.path);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"keep"});
  removeHalfWritten(folder / "none");
}

TEST(AtomicFile, Append) {
  TestFolder folder;
  ASSERT_TRUE(appendFile(folder / "a", "1\n"));
  ASSERT_TRUE(appendFile(folder / "a", "2\n"));
  EXPECT_EQ(*readFile(folder / "a"), "1\n2\n");
  EXPECT_FALSE(appendFile(folder / "no/a", "x"));
}
