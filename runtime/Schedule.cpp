#include "runtime/Schedule.h"
