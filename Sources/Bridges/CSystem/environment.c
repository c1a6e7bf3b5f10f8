#include "CSystem.h"

extern char **environ;

char *const *freshet_environment(void) { return environ; }
