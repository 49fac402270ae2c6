import RedisTestRig
import Testing

@testable import Holdfast

@Suite("The state of a lease")
struct LeaseStateTests {
    let start = ContinuousClock.now
    let lease = Duration.seconds(30)

    func at(_ seconds: Double) -> ContinuousClock.Instant {
        start + .milliseconds(Int((seconds * 1000).rounded()))
    }
    func state() -> LeaseState { LeaseState(lease: LeaseTerm(lease), sentAt: start) }

    @Test("is believed until one per cent and two milliseconds before the server's end, from the send")
    func deadline() {
        let state = state()
        #expect(state.deadline == start + .milliseconds(30_000 - 300 - 2))
        #expect(state.isHeld(at: at(29.697)))
        #expect(!state.isHeld(at: at(29.698)))
    }

    @Test("is renewed at a third of the lease, and once at a time")
    func renewal() {
        var state = state()
        #expect(state.next(at: at(1)) == .wait(until: at(10)))
        #expect(state.next(at: at(10)) == .renew)
        #expect(state.next(at: at(10)) == .wait(until: at(15)))
        state.renewed(sentAt: at(10))
        #expect(state.deadline == at(39.698))
        #expect(state.next(at: at(10)) == .wait(until: at(20)))
    }

    @Test("is renewed a little early, to share a batch")
    func batching() {
        var state = state()
        #expect(state.next(at: at(4.9), isBatch: true) == .wait(until: at(10)))
        #expect(state.next(at: at(5)) == .wait(until: at(10)))
        #expect(state.next(at: at(5), isBatch: true) == .renew)
    }

    @Test("comes to share one batch with all of its length, whenever they were taken")
    func oneBatch() {
        var states = (0..<40).map { LeaseState(lease: state().lease, sentAt: at(Double($0) / 4)) }
        var batches: [ContinuousClock.Instant] = []
        var time = at(10)
        while time < at(100) {
            var next = time + .seconds(3600)
            let isBatch = states.contains { $0.isRenewalDue(at: time) }
            for index in states.indices {
                if states[index].next(at: time, isBatch: isBatch) == .renew {
                    states[index].renewed(sentAt: time)
                    if batches.last != time { batches.append(time) }
                }
                guard case .wait(let until) = states[index].next(at: time) else {
                    return #expect(Bool(false))
                }
                next = min(next, until)
            }
            time = next
        }
        let last = batches.suffix(4)
        #expect(zip(last, last.dropFirst()).allSatisfy { $1 - $0 == .seconds(10) })
    }

    @Test("counts a renewal's lease from its send, not from its reply")
    func lateReply() {
        var state = state()
        _ = state.next(at: at(10))
        state.renewed(sentAt: at(5))
        #expect(state.deadline == at(34.698))
    }

    @Test("is not lost by a failed renewal, which is tried again until the deadline")
    func failedRenewal() {
        var state = state()
        _ = state.next(at: at(10))
        #expect(state.renewalFailed(at: at(12)) == at(13.5))
        #expect(state.phase == .held)
        #expect(state.next(at: at(13.5)) == .renew)
        _ = state.renewalFailed(at: at(29))
        #expect(state.next(at: at(29.698)) == .lost(.expired))
        #expect(state.phase == .lost(.expired))
    }

    @Test("is lost at its deadline without any word from Redis")
    func expiry() {
        var state = state()
        _ = state.next(at: at(10))
        #expect(state.next(at: at(40)) == .lost(.expired))
        #expect(state.next(at: at(41)) == .nothing)
    }

    @Test("is lost at once when Redis says so, and says so once")
    func refusal() {
        var state = state()
        _ = state.next(at: at(10))
        let news = (state.refused(), state.refused())
        #expect(news == (true, false))
        #expect(state.phase == .lost(.taken))
        #expect(!state.isHeld(at: at(10)))
    }

    @Test("stays lost when a renewal succeeds late")
    func lateSuccess() {
        var state = state()
        _ = state.next(at: at(10))
        _ = state.next(at: at(30))
        state.renewed(sentAt: at(10))
        #expect(state.phase == .lost(.expired))
        #expect(!state.isHeld(at: at(11)))
    }

    @Test("stays released, whatever comes after")
    func released() {
        var state = state()
        _ = state.next(at: at(10))
        let first = state.release()
        let later = (state.release(), state.refused(), state.close())
        #expect(first)
        #expect(later == (false, false, false))
        state.renewed(sentAt: at(10))
        #expect(state.phase == .released)
        #expect(state.next(at: at(50)) == .nothing)
    }

    @Test("never believes longer than the server, over random histories", arguments: 0..<50)
    func randomHistories(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var state = state()
        var serverEnd = start + lease
        var now = start
        for _ in 0..<200 {
            now += .milliseconds(Int(random.next() % 4000))
            if case .renew = state.next(at: now) {
                // The server executes between the send and the reply; the reply may be late or never come.
                let executed = now + .milliseconds(Int(random.next() % 3000))
                if executed < serverEnd { serverEnd = max(serverEnd, executed + lease) }
                if random.next() % 3 == 0 {
                    _ = state.renewalFailed(at: executed)
                } else if executed < serverEnd {
                    state.renewed(sentAt: now)
                }
                now = executed
            }
            if state.isHeld(at: now) { #expect(now < serverEnd) }
        }
    }

    @Test("of a grant that is being confirmed ends with the grant, until the confirmation is answered")
    func unconfirmed() {
        var state = LeaseState(lease: LeaseTerm(lease), grantedUntil: at(2.5), confirmedFrom: start)
        #expect(!state.isConfirmed)
        #expect(state.deadline == at(2.5))
        // The confirmation is its first renewal, and under way. The warning comes when a third of the grant is left.
        #expect(state.next(at: start) == .wait(until: at(1.5)))
        #expect(state.status(at: at(1.4)) == .held)
        #expect(state.status(at: at(1.5)) == .endangered)
        // Tried again soon, and in good time.
        #expect(state.renewalFailed(at: at(1)) == at(1.15))
        #expect(!state.isConfirmed)
        #expect(state.next(at: at(1.15)) == .renew)
        state.renewed(sentAt: at(1.15))
        #expect(state.isConfirmed)
        #expect(state.deadline == at(1.15 + 29.698))
        #expect(state.next(at: at(1.2)) == .wait(until: at(11.15)))
        // A third of the lease by now.
        #expect(state.status(at: at(20.8)) == .suspended)
        #expect(state.status(at: at(20.9)) == .endangered)
    }

    @Test("of a grant that nobody confirms is lost with it")
    func neverConfirmed() {
        var state = LeaseState(lease: LeaseTerm(lease), grantedUntil: at(2.5), confirmedFrom: start)
        #expect(state.next(at: at(2.5)) == .lost(.expired))
    }

    @Test("of a grant for a lease that is shorter warns as for that lease")
    func shortLease() {
        var state = LeaseState(
            lease: LeaseTerm(.milliseconds(300)), grantedUntil: at(0.25), confirmedFrom: start)
        #expect(!state.isConfirmed)
        #expect(state.next(at: start) == .wait(until: at(0.15)))
        #expect(state.next(at: at(0.25)) == .lost(.expired))
    }

    @Test("of a grant holds for its maximum from when it began")
    func maximumHold() {
        let term = LeaseTerm(lease, maximumHold: .seconds(60))
        var state = LeaseState(lease: term, grantedUntil: at(2.5), confirmedFrom: start)
        for second in stride(from: 0.0, through: 50, by: 10) { state.renewed(sentAt: at(second)) }
        #expect(state.deadline == at(60))
    }
}
