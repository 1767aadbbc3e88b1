// Loaded in front of the C library (LD_PRELOAD); nothing is called by name. See faulty-disk.c.
#pragma once
