#include "runtime/Text.h"
