import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The event loop of one link, and the serial executor of the actors that use it.
///
/// All connections of a link, to however many servers, are on one thread, so that what a message asks for is
/// sent, and its reply read, without having to wake another thread.
///
/// **Turns.** Everything that touches the connection happens in a *turn*: run the queued jobs, fire the due
/// timers, flush the sources once. Commands of many tasks that arrive within one turn therefore leave in one
/// write. `turn` is the lock of the right to take a turn.
///
/// **Borrowing.** Normally the loop's own thread takes the turns. While it sleeps in `poll`, waking it would
/// cost a system call and a thread switch before the first byte leaves. So a caller that finds the loop
/// asleep takes the turn itself, on its own thread: its command is written at once, as a plain blocking
/// client would write it. A busy loop is never borrowed from; there the job waits for the next turn and
/// shares its write. A borrower runs only code of this library: tasks that prefer the thread are left to the
/// loop, since they may wait for something the borrower holds, and cancellation handlers do not borrow at
/// all.
///
/// **No lost wake-up.** A job is appended before the appender tries to borrow. If the lock is taken, its
/// holder looks at the inbox again after unlocking it (``runTurns(borrowed:)``), or is the loop itself, which
/// only goes to sleep after seeing an empty inbox under the same mutex that guards the append. What is queued
/// inside a turn needs no mutex: the thread that ends the turn looks at that queue once more.
///
/// The properties of a turn are exempt from the runtime's checks of exclusive access, which showed up in
/// every profile: `turn` ensures that only one thread takes a turn, and no access spans a call.
package final class LinkThread: SerialExecutor, @unchecked Sendable {
    // Unchecked: what is not in `inbox` is touched only by the holder of `turn`.

    /// How many jobs share a write.
    private static let batch = 32

    private struct Inbox {
        var jobs: [Job] = []
        /// The loop's thread is in `poll`, or about to be.
        var asleep = false
        var stopping = false
        /// The loop has ended: callers run their jobs themselves, or have another thread run them.
        var ended = false
    }

    private enum Job {
        /// A job of an actor on this thread.
        case actor(UnownedJob)
        /// A job of a task that prefers this thread, outside any actor.
        case task(UnownedJob, LinkTaskExecutor)
        case call(@Sendable () -> Void)
    }

    package typealias TimerID = Timers.ID

    private let inbox = Mutex(Inbox())
    private let turn = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakeup: Wakeup
    private var patience = Patience()
    private let turnOwner = Atomic<UInt>(0)
    /// What was queued inside this turn, and the part of it that is running now.
    @exclusivity(unchecked) private var queued: [Job] = []
    @exclusivity(unchecked) private var running: [Job] = []
    /// What borrowers have left to the loop: tasks run other people's code, and may wait for something the
    /// borrower holds.
    @exclusivity(unchecked) private var tasks: [Job] = []
    @exclusivity(unchecked) private var instant: Moment?
    @exclusivity(unchecked) private var timers = Timers()
    /// What the sleeping loop waits for; a borrower that changes it must wake the loop.
    @exclusivity(unchecked) private var sleepingFor: Sleep?
    @exclusivity(unchecked) private var sources: [WatchedSource] = []

    package init() throws(RedisError) {
        wakeup = try Wakeup()
        turn.initialize(to: pthread_mutex_t())
        pthread_mutex_init(turn, nil)
        try startThread { self.loop() }
    }

    deinit {
        pthread_mutex_destroy(turn)
        turn.deallocate()
    }

    /// Ends the thread after the jobs that are queued now. Later jobs run on their caller's thread.
    package func stop() {
        inbox.withLock { $0.stopping = true }
        wakeup.signal()
    }

    // MARK: Jobs

    package func enqueue(_ job: consuming ExecutorJob) {
        submit(.actor(UnownedJob(job)))
    }

    func enqueue(_ job: UnownedJob, by executor: LinkTaskExecutor) {
        submit(.task(job, executor), borrowing: false)
    }

    /// Runs `call` in a turn of this thread.
    package func submit(_ call: @escaping @Sendable () -> Void) {
        submit(.call(call))
    }

    /// Like ``submit(_:)``, but never in a turn that the caller takes: for cancellation handlers, which the
    /// runtime calls while it holds a lock of the very task that the turn may resume.
    package func post(_ call: @escaping @Sendable () -> Void) {
        submit(.call(call), borrowing: false)
    }

    private func submit(_ job: Job, borrowing: Bool = true) {
        guard !isInTurn else { return queued.append(job) }
        // The runtime enqueues without retaining the executor, and a job may be the last to retain it: once
        // it is in the inbox, another thread may run it.
        let alive = Unmanaged.passRetained(self)
        defer { alive.release() }
        let (asleep, ended) = inbox.withLock { inbox in
            inbox.jobs.append(job)
            return (inbox.asleep, inbox.ended)
        }
        if borrowing, asleep {
            runTurns(borrowed: true)
        } else if ended {
            replaceLoop()
        } else if asleep {
            wakeup.signal()
        }
    }

    /// After the loop has ended, another thread must run what borrowers leave to it.
    private func replaceLoop() {
        DispatchQueue.global().async { self.runTurns(borrowed: false) }
    }

    package func checkIsolated() {
        precondition(isInTurn, "this may only be called on the link's thread")
    }

    package func isIsolatingCurrentContext() -> Bool? {
        isInTurn
    }

    /// Whether the caller runs in a turn of this thread.
    var isInTurn: Bool {
        turnOwner.load(ordering: .relaxed) == threadIdentity()
    }

    // MARK: Time, only in a turn

    /// When this turn, or this round of its jobs, began. A time measured from it starts too early, if
    /// anything.
    var now: ContinuousClock.Instant {
        if let instant { return instant.wrappedValue }
        let now = ContinuousClock.now
        instant = Moment(wrappedValue: now)
        return now
    }

    package func schedule(at deadline: ContinuousClock.Instant, _ fire: @escaping () -> Void) -> TimerID {
        timers.add(at: deadline, fire)
    }

    package func cancel(_ id: TimerID) {
        timers.remove(id)
    }

    /// Watches `source` as long as it lives.
    func attach(_ source: any LinkSource) {
        guard !sources.contains(where: { $0.object === source }) else { return }
        sources.removeAll { $0.object == nil }
        sources.append(WatchedSource(object: source))
    }

    // MARK: Turns

    /// A borrower's turns: while nobody else takes them and there is something to do.
    private func runTurns(borrowed: Bool) {
        while pthread_mutex_trylock(turn) == 0 {
            turnOwner.store(threadIdentity(), ordering: .relaxed)
            takeTurn(borrowed: borrowed)
            let leavesTasks = !tasks.isEmpty
            let changed = !(sleepingFor?.covers(wantedSleep()) ?? true)
            let isThrough = queued.isEmpty
            turnOwner.store(0, ordering: .relaxed)
            pthread_mutex_unlock(turn)
            if leavesTasks, inbox.withLock({ $0.ended }) {
                replaceLoop()
            } else if changed || leavesTasks {
                wakeup.signal()
            }
            // Between the last look at the inbox and the unlock, another thread may have appended and failed
            // to borrow.
            guard !isThrough || inbox.withLock({ $0.asleep && !$0.jobs.isEmpty }) else { return }
        }
    }

    private func takeTurn(borrowed: Bool) {
        // Bounded: jobs that keep queueing jobs must not keep the bytes of the others from being sent.
        for _ in 0..<64 {
            instant = nil
            inbox.withLock { inbox in
                if queued.isEmpty {
                    swap(&inbox.jobs, &queued)
                } else if !inbox.jobs.isEmpty {
                    queued += inbox.jobs
                    inbox.jobs.removeAll(keepingCapacity: true)
                }
            }
            if !borrowed, !tasks.isEmpty {
                queued = tasks + queued
                tasks = []
            }
            if queued.isEmpty { break }
            swap(&queued, &running)
            for index in running.indices {
                if borrowed, case .task = running[index] {
                    tasks.append(running[index])
                } else {
                    run(running[index])
                }
                // Not only at the end: the server executes the first commands while we make the next ones.
                if index % Self.batch == Self.batch - 1 { flush() }
            }
            running.removeAll(keepingCapacity: true)
        }
        flush()
    }

    private func flush() {
        // A source that fails may attach another one, which removes those that are gone.
        var index = 0
        while index < sources.count {
            sources[index].object?.flush()
            index += 1
        }
    }

    private func run(_ job: Job) {
        switch job {
        case .actor(let job):
            job.runSynchronously(on: asUnownedSerialExecutor())
        case .task(let job, let executor):
            job.runSynchronously(on: executor.asUnownedTaskExecutor())
        case .call(let call): call()
        }
    }

    private func fireTimers() {
        while let fire = timers.popDue(at: now) { fire() }
    }

    private func wantedSleep() -> Sleep {
        Sleep(watching: sources, until: timers.earliest)
    }

    /// Notifies the sources of their sockets' events. A borrower may have changed both since the loop looked.
    private func handle(_ sockets: [pollfd]) {
        for socket in sockets where socket.revents != 0 {
            let source = sources.first { $0.object?.watched?.descriptor == socket.fd }
            source?.object?.ready(socket.revents)
        }
    }

    private func loop() {
        /// The sockets that have events.
        var ready: [pollfd] = []
        while true {
            pthread_mutex_lock(turn)
            turnOwner.store(threadIdentity(), ordering: .relaxed)
            instant = nil
            handle(ready)
            fireTimers()
            takeTurn(borrowed: false)
            let sleep = wantedSleep()
            sleepingFor = sleep
            let isThrough = queued.isEmpty
            // Inside the turn: a borrower that leaves something to the loop must find one.
            let ended = inbox.withLock { inbox in
                inbox.ended = inbox.stopping && isThrough && inbox.jobs.isEmpty
                if inbox.ended { inbox.asleep = true }
                return inbox.ended
            }
            // They would keep alive forever what they hold.
            if ended { timers.removeAll() }
            turnOwner.store(0, ordering: .relaxed)
            pthread_mutex_unlock(turn)
            // A caller that came while this thread held the turn could not borrow, and found no sleeping loop
            // to wake.
            if ended { return runTurns(borrowed: false) }
            if isThrough, sleep.isAwaiting, let found = linger(for: sleep) {
                ready = found
                continue
            }
            // After the unlock: a thread that appends from now on can borrow; what was appended before is
            // seen here.
            let idle = inbox.withLock { inbox in
                inbox.asleep = isThrough && inbox.jobs.isEmpty && !inbox.stopping
                return inbox.asleep
            }
            ready = wait(for: sleep, idle: idle)
            inbox.withLock { $0.asleep = false }
        }
    }

    /// Looks for a reply, and for jobs, for a few microseconds before the thread goes to sleep: waking up
    /// takes longer than a server on the same machine takes to reply. Nil if nothing came.
    ///
    /// Only while replies do come that quickly. Each time one does not, the next look is half as long, and in
    /// the end only one wait in many is preceded by a look: a link to a distant server does not waste time.
    private func linger(for sleep: Sleep) -> [pollfd]? {
        // All sockets, not only those awaiting a reply: replies that keep coming quickly would starve
        // messages.
        guard let end = patience.begin(at: .now) else { return nil }
        var sockets = sleep.sockets
        repeat {
            let found = poll(&sockets, nfds_t(sockets.count), 0)
            if found > 0 || inbox.withLock({ !$0.jobs.isEmpty }) {
                patience.ended(rewarded: true)
                return sockets
            }
            sched_yield()
        } while ContinuousClock.now < end
        patience.ended(rewarded: false)
        return nil
    }

    private func wait(for sleep: Sleep, idle: Bool) -> [pollfd] {
        var sockets = sleep.sockets
        sockets.append(pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0))
        let timeout = idle ? sleep.milliseconds(at: .now) : 0
        guard poll(&sockets, nfds_t(sockets.count), timeout) > 0 else { return [] }
        if sockets.removeLast().revents != 0 { wakeup.drain() }
        return sockets
    }
}
