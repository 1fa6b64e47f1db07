#include "runtime/EventFile.h"
