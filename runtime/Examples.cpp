#include "runtime/Examples.h"
