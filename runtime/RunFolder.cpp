#include "runtime/RunFolder.h"
