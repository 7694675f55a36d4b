#include "codebook.h"
