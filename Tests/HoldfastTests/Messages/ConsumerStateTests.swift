import RedisTestRig
import Testing

@testable import Holdfast

@Suite("The consumer's state")
struct ConsumerStateTests {
    let start = ContinuousClock.now

    func at(_ milliseconds: Int64) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test("claims what can be handled at once, one call at a time, no more than a batch")
    func claiming() {
        var small = ConsumerState<Int>(concurrency: 3)
        #expect(small.claim(at: start) == 3)
        #expect(small.claim(at: start) == nil)
        #expect(small.claimed(2, of: 3, nextDue: nil, at: start) == true)
        small.wake()
        #expect(small.claim(at: start) == 1)
        #expect(small.claimed(1, of: 1, nextDue: nil, at: start) == true)
        #expect(small.claim(at: start) == nil, "all handlers are busy")
        #expect(small.nextDue == nil)
        small.finished(1)
        #expect(small.claim(at: start) == 1)
        var large = ConsumerState<Int>(concurrency: 1000)
        #expect(large.claim(at: start) == 100)
    }

    @Test("looks at a queue that was empty when something is due, at the latest after a second")
    func polling() {
        var state = ConsumerState<Int>(concurrency: 3)
        _ = state.claim(at: start)
        _ = state.claimed(0, of: 3, nextDue: .milliseconds(200), at: start)
        #expect(state.claim(at: at(199)) == nil)
        #expect(state.nextDue == at(200))
        #expect(state.claim(at: at(200)) == 3)
        _ = state.claimed(0, of: 3, nextDue: .seconds(30), at: at(200))
        #expect(state.nextDue == at(1200))
        #expect(state.nextLook == at(1200) && state.nextCertain == at(30_200))
        state.expectDue(at: at(5_000))
        #expect(state.nextDue == at(1200))
        #expect(state.nextLook == at(1200) && state.nextCertain == at(5_000))
        state.expectDue(at: at(300))
        #expect(state.claim(at: at(300)) == 3)
    }

    @Test("claims again at once when it was woken while a claim was under way")
    func wokenMeanwhile() {
        var state = ConsumerState<Int>(concurrency: 3)
        _ = state.claim(at: start)
        state.wake()
        _ = state.claimed(0, of: 3, nextDue: nil, at: start)
        #expect(state.claim(at: start) == 3)
        _ = state.claimed(0, of: 3, nextDue: nil, at: start)
        #expect(state.claim(at: start) == nil)
    }

    @Test("waits after a claim that failed, longer after one that was refused")
    func claimFailed() {
        var state = ConsumerState<Int>(concurrency: 3)
        _ = state.claim(at: start)
        state.claimFailed(refused: false, at: start)
        #expect(state.nextDue == at(100))
        #expect(state.claim(at: at(100)) == 3)
        state.claimFailed(refused: true, at: start)
        #expect(state.claim(at: at(999)) == nil)
        #expect(state.claim(at: at(1000)) == 3)
    }

    @Test("settles together what ends while a call is under way, no more than a batch")
    func settling() {
        var state = ConsumerState<Int>(concurrency: 200)
        state.settle([0])
        #expect(state.settlements(at: start) == [0])
        state.settle(Array(1...150))
        #expect(state.settlements(at: start) == [])
        state.settled()
        #expect(state.settlements(at: start) == Array(1...100))
        state.settled()
        #expect(state.settlements(at: start) == Array(101...150))
    }

    @Test("bounds the work of one call, but takes at least one item")
    func weight() {
        var state = ConsumerState<Int>(concurrency: 200)
        state.settle([5_000, 600, 600, 1])
        #expect(state.settlements(at: start) { $0 } == [5_000])
        state.settled()
        #expect(state.settlements(at: start) { $0 } == [600, 600])
        state.settled()
        #expect(state.settlements(at: start) { $0 } == [1])
    }

    @Test("repeats what could not be settled after a pause, before what came later")
    func settlingFailed() {
        var state = ConsumerState<Int>(concurrency: 3)
        state.settle([1, 2])
        _ = state.settlements(at: start)
        state.settle([3])
        state.settlingFailed(again: [2], at: start)
        #expect(state.settlements(at: at(99)) == [])
        #expect(state.nextDue == at(100))
        #expect(state.settlements(at: at(100)) == [2, 3])
    }

    @Test("is through when it was stopped and everything is settled")
    func stopping() {
        var state = ConsumerState<Int>(concurrency: 3)
        _ = state.claim(at: start)
        _ = state.claimed(1, of: 3, nextDue: nil, at: start)
        state.stop()
        #expect(state.claim(at: at(5_000)) == nil)
        #expect(state.isClosed && !state.isThrough)
        state.finished(7)
        #expect(!state.isThrough)
        #expect(state.settlements(at: start) == [7])
        #expect(!state.isThrough)
        state.settled()
        #expect(state.isThrough)
        #expect(state.nextDue == nil)
    }

    @Test("gives back what a claim brings after the stop")
    func stoppedWhileClaiming() {
        var state = ConsumerState<Int>(concurrency: 3)
        _ = state.claim(at: start)
        state.stop()
        #expect(!state.isClosed)
        #expect(state.claimed(2, of: 3, nextDue: nil, at: start) == false)
        state.settle([1, 2])
        #expect(state.isClosed && !state.isThrough)
        #expect(state.settlements(at: start) == [1, 2])
        state.settled()
        #expect(state.isThrough)
    }

    @Test("a handler without an outcome frees its place")
    func noOutcome() {
        var state = ConsumerState<Int>(concurrency: 1)
        _ = state.claim(at: start)
        _ = state.claimed(1, of: 1, nextDue: nil, at: start)
        state.finished(nil)
        #expect(state.settlements(at: start) == [])
        #expect(state.claim(at: start) == 1)
    }

    @Test("loses no message and gives no place twice, in any order of events", arguments: 0..<50)
    func anyOrder(seed: UInt64) {
        // A model of the server and the handlers. Every message must be settled exactly once.
        var random = SeededGenerator(seed: seed)
        var state = ConsumerState<Int>(concurrency: 8)
        var queue = Array(0..<300)
        var handled: [Int] = []
        var settled: [Int] = []
        var claiming: Int?
        var settling: [Int] = []
        var now: Int64 = 0
        while now < 1_000_000, !state.isThrough {
            now += .random(in: 0...30, using: &random)
            if queue.isEmpty { state.stop() }
            if claiming == nil { claiming = state.claim(at: at(now)) }
            if settling.isEmpty { settling = state.settlements(at: at(now)) }
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                guard let wanted = claiming else { break }
                claiming = nil
                if Bool.random(using: &random) {
                    let count = min(queue.count, .random(in: 0...wanted, using: &random))
                    let claims = Array(queue.prefix(count))
                    queue.removeFirst(count)
                    if state.claimed(count, of: wanted, nextDue: .milliseconds(20), at: at(now)) {
                        handled += claims
                    } else {
                        state.settle(claims)
                    }
                } else {
                    state.claimFailed(refused: false, at: at(now))
                }
            case 1:
                guard !handled.isEmpty else { break }
                state.finished(handled.remove(at: .random(in: handled.indices, using: &random)))
            case 2:
                guard !settling.isEmpty else { break }
                if Bool.random(using: &random) {
                    settled += settling
                    state.settled()
                } else {
                    state.settlingFailed(again: settling, at: at(now))
                }
                settling = []
            default:
                state.wake()
            }
            #expect(handled.count <= 8)
        }
        #expect(settled.sorted() == Array(0..<300))
    }
}

@Suite("The retry policy")
struct RetryPolicyTests {
    let policy = RetryPolicy(attempts: 4, first: .seconds(2), longest: .seconds(5))

    private func delay(_ attempt: Int, random: Double = 0.5, asked: Duration? = nil) -> Duration? {
        switch policy.verdict(afterFailed: attempt, delay: asked, reason: "", random: random) {
        case .retry(let delay): delay
        default: nil
        }
    }

    @Test("doubles the ceiling up to the longest wait, and draws from zero to it")
    func backoff() {
        #expect(delay(1, random: 0) == .zero)
        #expect(delay(1) == .seconds(1))
        #expect(delay(2) == .seconds(2))
        #expect(delay(3) == .seconds(2.5))
    }

    @Test("waits as long as the handler asked for")
    func asked() {
        #expect(delay(1, asked: .seconds(60)) == .seconds(60))
        #expect(delay(1, asked: .seconds(-1)) == .zero)
    }

    @Test("buries after the last attempt, whatever the handler asked for")
    func last() {
        #expect(delay(4) == nil && delay(5) == nil && delay(4, asked: .seconds(1)) == nil)
        guard case .bury(let reason) = policy.verdict(afterFailed: 4, reason: "why", random: 0) else {
            Issue.record("not buried")
            return
        }
        #expect(reason == "why")
    }

    @Test("does not overflow after very many attempts")
    func manyAttempts() {
        let patient = RetryPolicy(attempts: .max, first: .seconds(300), longest: .seconds(3600))
        guard case .retry(let delay) = patient.verdict(afterFailed: 1_000_000, reason: "", random: 1) else {
            Issue.record("no retry")
            return
        }
        #expect(delay == .seconds(3600))
    }
}
