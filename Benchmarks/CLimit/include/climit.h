/* What hiredis in plain C reaches with the commands of a lock cycle: the limit that the Swift figures stand beside. */

#ifndef HOLDFAST_CLIMIT_H
#define HOLDFAST_CLIMIT_H

/* Runs `cycles` cycles of acquire and release over one connection to the unix socket `path`, with `depth` of them
   under way at any time: each reply sends its slot's next command, so a depth of 1 is one command at a time.
   `acquire` is the text of the acquiring script, NULL for a bare SET NX PX; `release` that of the releasing one.
   Returns the seconds it took, or a negative number after printing what failed. */
double climit_lock_cycles(const char *path, int depth, long cycles, const char *acquire, const char *release);

#endif
