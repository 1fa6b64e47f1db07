#include "runtime/Checkpoint.h"
