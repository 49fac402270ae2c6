/// How many messages of others an instance may take over: so many in a second, and no more than that at once.
///
/// After a mass crash all claims end together. Each of these messages may be what caused it; they come back bit by
/// bit, beside what is new. A value without a clock.
struct TakeOverAllowance {
    private let perSecond: Int
    private var left: Double
    private var last: ContinuousClock.Instant?

    init(perSecond: Int) {
        self.perSecond = perSecond
        left = Double(perSecond)
    }

    mutating func available(at now: ContinuousClock.Instant) -> Int {
        if let last { left = min(left + (now - last) / .seconds(1) * Double(perSecond), Double(perSecond)) }
        last = now
        return Int(min(left, 1_000_000))
    }

    mutating func use(_ count: Int) { left = max(left - Double(max(count, 0)), 0) }
}
