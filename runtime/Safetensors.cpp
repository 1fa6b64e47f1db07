#include "runtime/Safetensors.h"
