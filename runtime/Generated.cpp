#include "runtime/Generated.h"
