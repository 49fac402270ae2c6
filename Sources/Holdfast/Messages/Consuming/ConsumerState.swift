/// Decides for one consumer when to claim how many messages, which to settle together, and when it is
/// through.
///
/// Events in, decisions out; no clock, no connection, no task. Batches form by themselves: one claim and one
/// settling call are under way at a time, and what comes meanwhile goes with the next.
struct ConsumerState<Item> {
    /// The most messages that one call claims or settles: it bounds how long a script keeps the server busy.
    static var batch: Int { 100 }
    /// How often an empty queue is looked at without being told: entries of a plain `XADD` come without
    /// notice.
    static var pollInterval: Duration { .seconds(1) }
    /// The wait after a call that failed: while there is no connection, calls wait for it by themselves.
    static var pause: Duration { .milliseconds(100) }

    private let concurrency: Int
    private var allowance: TakeOverAllowance
    private var running = 0
    private var unsettled: [Item] = []
    private var isOpen = true
    private var isClaiming = false
    private var isSettling = false
    private var isWoken = false
    private var claimAt: ContinuousClock.Instant?
    /// When a message is known to be due, where `claimAt` is before that, only to look; else nil.
    private var dueAt: ContinuousClock.Instant?
    /// Nothing is known to be due at `claimAt`.
    private var isLook = false
    private var settleAt: ContinuousClock.Instant?

    /// - Parameter takeOvers: how many messages of consumers that died may be taken over in a second.
    init(concurrency: Int, takeOvers: Int = 100) {
        self.concurrency = concurrency
        allowance = TakeOverAllowance(perSecond: takeOvers)
    }

    /// Nothing new is begun, nothing is under way, nothing is left to settle.
    var isThrough: Bool { isClosed && running == 0 && unsettled.isEmpty && !isSettling }

    /// No handler will be started any more.
    var isClosed: Bool { !isOpen && !isClaiming }

    /// When something is due by time alone.
    var nextDue: ContinuousClock.Instant? { due(claiming: claimAt) }

    /// When something is known to be due by time alone: ``nextDue`` without looks at what others may have changed.
    var nextCertain: ContinuousClock.Instant? { due(claiming: isLook ? dueAt : claimAt) }

    /// When to look at what others may have changed; nil for not before ``nextCertain``.
    var nextLook: ContinuousClock.Instant? { isLook && mayClaim ? claimAt : nil }

    private var mayClaim: Bool { isOpen && !isClaiming && running < concurrency }

    private func due(claiming: ContinuousClock.Instant?) -> ContinuousClock.Instant? {
        let claiming = mayClaim ? claiming : nil
        let settling = isSettling || unsettled.isEmpty ? nil : settleAt
        guard let claiming, let settling else { return claiming ?? settling }
        return min(claiming, settling)
    }

    // MARK: Claiming

    /// How many messages to claim now, nil for none. Each number must be answered by
    /// ``claimed(_:of:takenOver:nextDue:at:)`` or ``claimFailed(refused:at:)``.
    mutating func claim(at now: ContinuousClock.Instant) -> Int? {
        guard mayClaim else { return nil }
        if let claimAt, now < claimAt { return nil }
        isClaiming = true
        isWoken = false
        return min(concurrency - running, Self.batch)
    }

    /// How many of the messages to claim now may be taken over.
    mutating func takeOvers(at now: ContinuousClock.Instant) -> Int { allowance.available(at: now) }

    /// `count` of the `wanted` messages came. True: start their handlers; false: give them back.
    mutating func claimed(
        _ count: Int, of wanted: Int, takenOver: Int = 0, nextDue: Duration?, at now: ContinuousClock.Instant
    ) -> Bool {
        allowance.use(takenOver)
        isClaiming = false
        // Whoever woke us while the call was under way may have come too late for it.
        let mayHaveMore = count == wanted || isWoken
        let wait = nextDue ?? .seconds(Int64.max)
        claimAt = mayHaveMore ? nil : now + min(wait, Self.pollInterval)
        isLook = !mayHaveMore && wait > Self.pollInterval
        dueAt = isLook ? nextDue.map { now + $0 } : nil
        guard isOpen else { return false }
        running += count
        return true
    }

    /// No answer came; or the server refused, and will most likely do so again.
    mutating func claimFailed(refused: Bool, at now: ContinuousClock.Instant) {
        isClaiming = false
        claimAt = now + (refused ? Self.pollInterval : Self.pause)
        isLook = false
    }

    /// There may be new messages.
    mutating func wake() {
        isWoken = true
        claimAt = nil
        isLook = false
    }

    /// A message will be due again at `instant`.
    mutating func expectDue(at instant: ContinuousClock.Instant) {
        guard let claimAt else { return }
        if instant <= claimAt {
            self.claimAt = instant
            isLook = false
        } else if isLook {
            dueAt = min(dueAt ?? instant, instant)
        }
    }

    // MARK: Settling

    /// A handler returned; nil if there is nothing to settle.
    mutating func finished(_ item: Item?) {
        running -= 1
        if let item { unsettled.append(item) }
    }

    /// Settle these, which no handler runs for.
    mutating func settle(_ items: [Item]) {
        unsettled += items
    }

    /// What to settle now; empty for nothing. A batch must be answered by ``settled()`` or
    /// ``settlingFailed(again:at:)``.
    ///
    /// - Parameters:
    ///   - weight: how much work an item is for the script.
    mutating func settlements(at now: ContinuousClock.Instant, weight: (Item) -> Int = { _ in 1 }) -> [Item] {
        guard !isSettling, !unsettled.isEmpty else { return [] }
        if let settleAt, now < settleAt { return [] }
        settleAt = nil
        var count = 0
        var total = 0
        // At least one, however heavy.
        while count < unsettled.count, count < Self.batch, count == 0 || total < 10 * Self.batch {
            total += weight(unsettled[count])
            count += 1
        }
        let batch = Array(unsettled[..<count])
        unsettled.removeFirst(count)
        isSettling = true
        return batch
    }

    /// The batch is settled.
    mutating func settled() {
        isSettling = false
    }

    /// The outcome of the batch is unknown, or it failed: `items` go first when it is tried again.
    mutating func settlingFailed(again items: [Item], at now: ContinuousClock.Instant) {
        isSettling = false
        unsettled.insert(contentsOf: items, at: 0)
        settleAt = now + Self.pause
    }

    /// Begin nothing new.
    mutating func stop() {
        isOpen = false
    }
}
