// libyaml's event parser; Freshet builds its own bounded tree from the events.
#pragma once
#include <yaml.h>
