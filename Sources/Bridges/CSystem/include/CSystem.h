// System calls that Swift cannot import: variadic ones, and those that need a feature macro.
#pragma once

// Names the calling thread for debuggers and profilers; longer names are cut to 15 bytes.
void freshet_set_thread_name(const char *name);

// The process's environment, NAME=value each, ended by NULL. Read it before threads that change it exist.
char *const *freshet_environment(void);
