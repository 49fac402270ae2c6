/* What hiredis in plain C achieves with the same commands: the limit that the Swift figures are compared with. */

#ifndef HOLDFAST_CLIMIT_H
#define HOLDFAST_CLIMIT_H

/* Runs `cycles` cycles of acquire and release over one connection to the unix socket `path`, with `depth` of them
   under way at any time: each reply sends its slot's next command, so a depth of 1 is one command at a time.
   `acquire` is the text of the acquiring script, NULL for a bare SET NX PX; `release` that of the releasing one.
   Returns the seconds it took, or a negative number after printing what failed. */
double climit_lock_cycles(const char *path, int depth, long cycles, const char *acquire, const char *release);

/* Handles the messages of a queue over one connection to the unix socket `path` for `seconds` seconds: claims a hundred,
   and commits them in the round trip that claims the next hundred. `claim` and `settle` are the texts of the scripts,
   `keys` the thirteen of the claiming one, of which the settling one takes the first eleven, `channel` the one that
   wakes consumers. Returns how many messages it committed in a second; 0 after printing what failed, or if the queue
   ran empty. */
double climit_messages(
    const char *path, double seconds, const char *claim, const char *settle, const char *const *keys,
    const char *channel);

/* Sends a PING `count` times over one connection to the unix socket `path`, each when the one before has been answered,
   and writes how long each took, in us. Returns 0 after printing what failed. */
int climit_pings(const char *path, int count, double *took);

/* Takes the lock `c` again and again until `end`, on CLOCK_MONOTONIC in ns: waits for it by a message to `instance` (16
   hexadecimal digits), confirms it with the acquiring script, holds it for `hold` us, releases it, and asks again at
   once. Prints a line for each time: when it ran, and when it released. Returns 0 after printing what failed. */
int climit_handoffs(
    const char *path, long long end, const char *instance, const char *acquire, const char *release, long hold);

#endif
