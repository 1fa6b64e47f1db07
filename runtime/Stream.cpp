#include "runtime/Stream.h"
