#include "runtime/Progress.h"
