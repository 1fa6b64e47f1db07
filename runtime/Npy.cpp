#include "runtime/Npy.h"
