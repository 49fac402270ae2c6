/* The hand-off of one lock between three clients: a model for spin, run by scripts/model-check.

   What is modelled. The server runs each script (acquire, release, leave, force_release) as one step. It keeps the
   owner of the lock and a queue of waiters. Whoever frees the lock, or finds it free, makes the head of the queue the
   owner for the length of a grant, marks its entry, and tells its instance by a message. The head confirms by
   acquire, which takes it out of the queue, and believes that it holds the lock when that is answered. A head that is
   marked when the lock is granted anew let its grant end: all waiters of its instance lose their places, or that one
   only, if the caller is of the same instance. So do the waiters of an instance that nobody listens for. A message
   brings the fence of its grant along. By that a waiter can tell that the grant is young, and begin at once: then renew
   confirms it, later. It may confirm by acquire all the same: the message may be old, or bring no fence. A check is
   acquire as well, sent by the timer of an instance with the token of its first waiter.

   Time is not modelled, only what the lengths are chosen for. A client believes until its own deadline, which is
   before the end of the key: the key of a believer that runs never ends, nor does the grant of a waiter that began with
   it. What tells a waiter that it may is its clock: the grant it was told of is younger than the question by which it
   learned of a lower fence, and that question less than a grant old. Where another fault ended the grant, it was not. A
   grant that a waiter was told of ends unconfirmed only by a fault. One that it was not told of ends at any time, though
   the check comes in time as a rule: only with ORDER the model relies on that. What its owner does not believe in ends
   at any time, too.

   Faults, FAULTS of them in each run at any place: an instance crashes or, with FREEZE, stops and perhaps goes on
   later, and finds its messages then; a message is lost, or nobody listens when it is published; a grant ends before a
   waiter that was told confirms; the reply to a confirmation or to a release is lost, and the call repeated; a waiter
   leaves, by cancellation or timeout, at any point of its wait; with FORCE an operator takes the lock from its holder.
   PAIR puts clients 0 and 1 into one instance. BARGE lets client 2 go before those who wait, and take the lock whenever
   it is free, as a bare SET NX does.

   Claims:
     safe   never do two believe that they hold the lock (not with FORCE: there the fence has to do)
     live   all are served, refused or gone in the end, but those of dead or stopped instances
     clean  who is done neither owns the lock nor stands in the queue
   and, as assertions that each run checks:
     fence  each grant has a higher fence than all others before it, and than a force-release before it
     once   a stopped instance costs the others one grant at most, however many of its clients wait
     order  with ORDER (and neither FREEZE, PAIR, BARGE nor FORCE): waiters are served in the order of their arrival,
            whatever messages are lost, as each checks before a grant could end

   Negative controls. Each of these switches breaks one rule, and a claim must fail then:
     KEEP_PLACE        a grant that ended unconfirmed costs no place      live, once: a stopped waiter starves others
     UNMARKED          a grant leaves no mark                             live, once: the same
     LEAVE_AT_GRANT    the head leaves the queue when it is granted       once: nothing is left to bear the mark
     CHECK_ONLY        a check that finds the lock free grants nobody     live: nobody frees what ended by itself
     LEAVE_GRANTED     who leaves does not pass a grant on                clean
     LATE_CHECK        the check comes after the end of the grant         order: a lost message costs the place
     ANY_RELEASE       release does not look for the owner                safe: a repeated one frees another's lock
     LOST_PLACE        who began and lost the lock keeps its place        clean
     OLD_MESSAGE       a waiter begins with any message                   safe: it may tell of a grant that is over
     OLD_FENCE         a hand-off keeps the fence                         fence
     QUIET_FORCE       a force-release does not raise the fence           fence

   Not modelled: requests of one client that overtake each other (one at a time for each token), loss of data at the
   server, a stepped clock, other clients of the lock's key. */

#define N 3
#define NONE 255
#ifndef FAULTS
#define FAULTS 2
#endif
#ifdef PAIR
#define instance(c) ((c) / 2)
#define sibling(c) (1 - (c))
#define has_sibling(c) ((c) < 2)
#else
#define instance(c) (c)
#endif
#ifdef BARGE
#define barges(c) ((c) == N - 1)
#else
#define barges(c) false
#endif
#define awake(c) (!dead[instance(c)] && !frozen[instance(c)])

#define IDLE 0
#define WAITING 1
#define HOLDING 2 /* and only now it believes so */
#define ENDING 3  /* does not believe it any more, and has yet to release */
#define DONE 4

/* The server. */
byte owner = NONE;        /* whose token is in the key */
bool confirmed;           /* for a full lease, not for a grant */
byte queue[N];
byte length;
bool queued[N];           /* the same, by client */
bool marked[N];           /* was granted and has not confirmed */
byte fence, fenced = NONE; /* the fence's entry: number and token */

/* The clients, and the messages under way to them. */
byte phase[N];
bool told[N];
bool young[N];           /* told of the present grant, not of an earlier one */
bool dead[N], frozen[N]; /* by instance */
bool silent[N];          /* by instance: a grant to it ended since it stopped */
byte first = NONE;       /* PAIR: the first waiter of the instance of clients 0 and 1 */

byte faults = FAULTS;
byte highest;         /* fence of all grants and force-releases so far */
bool before[N * N];   /* ORDER: arrived before */
byte k, m; hidden byte scratch; /* k, m: only inside of a step, zero between steps */

inline remove(c) {
    if
    :: queued[c] ->
        k = 0;
        do :: queue[k] != c -> k++ :: else -> break od;
        length--;
        do :: k < length -> queue[k] = queue[k + 1]; k++ :: else -> break od;
        queue[k] = 0; k = 0; queued[c] = false; marked[c] = false; young[c] = false
    :: else
    fi
}

inline drop_instance(c) {
    m = 0;
    do
    :: m < N -> if :: instance(m) == instance(c) -> remove(m) :: else fi; m++
    :: else -> m = 0; break
    od
}

inline lose_place(head, caller) {
    if
    :: instance(caller) == instance(head) -> remove(head)
    :: else -> drop_instance(head)
    fi
}

inline own(c) {
    assert(!silent[instance(c)]);
    owner = c; confirmed = false;
#ifndef UNMARKED
    marked[c] = true;
#endif
#ifdef LEAVE_AT_GRANT
    remove(c)
#endif
}

/* A repeated call gets the same fence. */
inline issue_fence(c) {
    if
    :: fenced != c ->
#ifdef OLD_FENCE
        if :: fenced == NONE -> fence++ :: else fi;
#else
        fence++;
#endif
        assert(fence > highest);
        highest = fence; fenced = c
    :: else -> assert(fence == highest)
    fi
}

/* Caller: whose script it is. */
inline grant_next(caller) {
    do
    :: length == 0 -> owner = NONE; confirmed = false; break
    :: length > 0 && queue[0] == caller -> scratch = queue[0]; own(scratch); break
    :: length > 0 && queue[0] != caller ->
        scratch = queue[0];
        if
#ifndef KEEP_PLACE
        :: marked[scratch] -> lose_place(scratch, caller)
        :: !marked[scratch] && dead[instance(scratch)] -> lose_place(scratch, caller)
        :: !marked[scratch] && !dead[instance(scratch)] ->
#else
        :: dead[instance(scratch)] -> lose_place(scratch, caller)
        :: else ->
#endif
            if
            :: told[scratch] = true; young[scratch] = true; issue_fence(scratch); own(scratch); break
            :: fenced == NONE -> told[scratch] = true; own(scratch); break /* no fence to be raised */
            :: faults > 0 -> faults--; issue_fence(scratch); own(scratch); break /* the message is lost */
#ifndef ORDER
            :: faults > 0 -> faults--; issue_fence(scratch); lose_place(scratch, caller) /* nobody listens just now */
#endif
            fi
        fi
    od
}

inline enqueue(c) {
    queue[length] = c; length++; queued[c] = true
}

inline arrive(c) {
#ifdef ORDER
    m = 0;
    do :: m < N -> if :: queued[m] && m != c -> before[m * N + c] = true :: else fi; m++ :: else -> m = 0; break od;
#endif
    enqueue(c)
}

/* Before all who wait, but not before one who is granted. */
inline enqueue_in_front(c) {
    m = length; length++;
    do
    :: m > 0 && !marked[queue[m - 1]] -> queue[m] = queue[m - 1]; m--
    :: else -> break
    od;
    queue[m] = c; queued[c] = true; m = 0
}

inline wait_begins(c) {
    phase[c] = WAITING;
#ifdef PAIR
    if :: has_sibling(c) && first == NONE -> first = c :: else fi
#endif
}

inline wait_ends(c) {
    told[c] = false; young[c] = false;
#ifdef PAIR
    if
    :: first == c && phase[sibling(c)] == WAITING -> first = sibling(c)
    :: first == c && phase[sibling(c)] != WAITING -> first = NONE
    :: else
    fi
#endif
}

#ifdef PAIR
#define is_first(c) (!has_sibling(c) || first == c)
#else
#define is_first(c) true
#endif

inline serve(c) {
#ifdef ORDER
    m = 0;
    do
    :: m < N ->
        assert(!(before[m * N + c] && phase[m] == WAITING && awake(m)));
        before[c * N + m] = false; m++
    :: else -> m = 0; break
    od
#endif
    skip
}

/* The full lease and the fence. */
inline take(c) {
    remove(c);
    owner = c; confirmed = true; marked[c] = false;
    issue_fence(c);
    serve(c);
    if
    :: wait_ends(c); phase[c] = HOLDING
    :: faults > 0 -> faults--; if :: phase[c] == IDLE -> wait_begins(c) :: else fi /* the reply is lost */
    fi
}

/* Keeps the caller's place, unless a grant to it ended: then it is late, and queues anew. A waiter that had lost its
   place makes the others of its instance queue again, too. */
inline queue_up(c) {
    if
    :: queued[c] && !marked[c]
    :: !queued[c] && phase[c] == IDLE && !barges(c) -> arrive(c)
    :: (queued[c] && marked[c]) || (!queued[c] && (phase[c] == WAITING || barges(c))) ->
        remove(c);
        if :: barges(c) -> enqueue_in_front(c) :: else -> enqueue(c) fi;
#ifdef PAIR
        if
        :: has_sibling(c) && phase[sibling(c)] == WAITING && !queued[sibling(c)] && owner != sibling(c) ->
            enqueue(sibling(c))
        :: else
        fi
#endif
        skip
    fi
}

/* acquire of a waiter: the first call, the confirmation, the check. */
inline acquire_waiting(c) {
    if
    :: owner == c -> take(c)
    :: owner == NONE && (length == 0 || barges(c)) -> take(c)
    :: owner == NONE && length > 0 && !barges(c) ->
        queue_up(c);
#ifdef CHECK_ONLY
        if :: phase[c] == IDLE -> wait_begins(c) :: else fi
#else
        grant_next(c);
        if :: owner == c -> take(c) :: owner != c && phase[c] == IDLE -> wait_begins(c) :: else fi
#endif
    :: owner != NONE && owner != c ->
        queue_up(c);
        if :: phase[c] == IDLE -> wait_begins(c) :: else fi
    fi
}

inline release(c) {
#ifdef ANY_RELEASE
    grant_next(c)
#else
#ifndef LOST_PLACE
    remove(c); /* which matters to one who began with a message and has lost the lock since */
#endif
    if :: owner == c || owner == NONE -> remove(c); grant_next(c) :: else fi
#endif
}

/* The first renewal of who began with a message: it leaves the queue, and has the full lease. */
inline renew(c) {
    remove(c); confirmed = true
}

inline leave(c) {
    remove(c);
#ifndef LEAVE_GRANTED
    if :: owner == c -> grant_next(c) :: else fi
#endif
}

#ifdef OLD_MESSAGE
#define may_begin(c) told[c]
#else
#define may_begin(c) (told[c] && young[c] && owner == c && !confirmed)
#endif

/* Other checks change nothing. */
#define has_reason(c) (owner == NONE || owner == c || !queued[c])

#define granted_unheard(c) (owner == c && phase[c] == WAITING && !told[c])

proctype Client(byte c) {
    do
    :: atomic { phase[c] == IDLE && awake(c) ->
        acquire_waiting(c) }
    :: atomic { phase[c] == IDLE && awake(c) -> /* asks once, and is content with a refusal */
        if
        :: owner == NONE -> grant_next(c); if :: owner == NONE -> take(c) :: else -> phase[c] = DONE fi
        :: else -> phase[c] = DONE
        fi }
    :: atomic { phase[c] == WAITING && awake(c) && told[c] ->
        told[c] = false; young[c] = false; acquire_waiting(c) }
    :: atomic { phase[c] == WAITING && awake(c) && may_begin(c) ->
        serve(c); wait_ends(c); phase[c] = HOLDING }
    :: atomic { phase[c] == HOLDING && awake(c) && !confirmed && owner == c ->
        renew(c) }
    :: atomic { phase[c] == WAITING && awake(c) && !told[c] && is_first(c) && has_reason(c) ->
        acquire_waiting(c) }
#ifdef PAIR
    /* A check that is refused for a waiter of the same instance stands for the message of its grant. */
    :: atomic { phase[c] == WAITING && awake(c) && has_sibling(c) && is_first(c) && granted_unheard(sibling(c)) ->
        told[sibling(c)] = true }
#endif
    :: atomic { phase[c] == WAITING && awake(c) && faults > 0 ->
        faults--; wait_ends(c); phase[c] = DONE; leave(c) }
    :: atomic { phase[c] == HOLDING && awake(c) ->
        release(c);
        if :: phase[c] = DONE :: faults > 0 -> faults--; phase[c] = ENDING /* the reply is lost */ fi }
    :: atomic { phase[c] == ENDING && awake(c) ->
        release(c); phase[c] = DONE }
    :: atomic { phase[c] == DONE || dead[instance(c)] -> break }
    od
}

#if defined(ORDER) && !defined(LATE_CHECK)
#define checks_in_time true
#else
#define checks_in_time false
#endif
#define ends_by_itself(c) (!awake(c) || phase[c] == ENDING || phase[c] == DONE \
    || (phase[c] == WAITING && (confirmed || (!told[c] && !checks_in_time))))
#define gone(c) (phase[c] == DONE || dead[instance(c)])

inline stop_believing(i) {
    m = 0;
    do
    :: m < N -> if :: instance(m) == i && phase[m] == HOLDING -> phase[m] = ENDING :: else fi; m++
    :: else -> m = 0; break
    od
}

active proctype World() {
    byte i;
    do
    :: atomic { owner != NONE && ends_by_itself(owner) ->
        if :: frozen[instance(owner)] && !confirmed -> silent[instance(owner)] = true :: else fi;
        owner = NONE; confirmed = false }
#ifndef ORDER
    :: atomic { owner != NONE && !confirmed && told[owner] && awake(owner) && faults > 0 ->
        faults--; owner = NONE }
#endif
    :: atomic { faults > 0 ->
        select(i : 0 .. instance(N - 1));
        if :: !dead[i] -> faults--; dead[i] = true; frozen[i] = false; stop_believing(i) :: else fi; i = 0 }
#ifdef FREEZE
    :: atomic { faults > 0 ->
        select(i : 0 .. instance(N - 1));
        if :: !dead[i] && !frozen[i] -> faults--; frozen[i] = true; stop_believing(i) :: else fi; i = 0 }
    :: atomic { frozen[0] -> frozen[0] = false; silent[0] = false }
    :: atomic { frozen[1] -> frozen[1] = false; silent[1] = false }
    :: atomic { frozen[2] -> frozen[2] = false; silent[2] = false }
#endif
#ifdef FORCE
    :: atomic { faults > 0 && owner != NONE ->
        faults--;
#ifndef QUIET_FORCE
        fence++;
#endif
        assert(fence > highest);
        highest = fence; fenced = NONE; i = owner; remove(i); grant_next(i); i = 0 }
#endif
    :: atomic { gone(0) && gone(1) && gone(2) -> break }
    od
}

init { atomic { run Client(0); run Client(1); run Client(2) } }

#define believes(c) (phase[c] == HOLDING)
#define served(c) (gone(c) || frozen[instance(c)])
#define clear(c) (phase[c] != DONE || dead[instance(c)] || (owner != c && !queued[c]))

ltl safe { [] (believes(0) + believes(1) + believes(2) <= 1) }
ltl live { []<> (served(0) && served(1) && served(2)) }
ltl clean { [] (clear(0) && clear(1) && clear(2)) }
