import RedisLink
import Testing

@testable import Holdfast

/// By events alone: without a server, a clock or a task.
@Suite("The waits of a process")
struct LockWaitsTests {
    private typealias Waits = LockWaits<String>

    private let start = ContinuousClock.now
    private let stranger = "0123456789abcdef:0123456789abcdef0123456789abcdef"

    /// What is asked for, in words.
    private func words(_ actions: Waits.Actions) -> [String] {
        actions.map { action in
            switch action {
            case .ask(let claim, let question): "\(claim.token) asks: \(question.reason) \(question.mode)"
            case .begin(let caller, _, _, _, let recall): "\(caller) begins\(recall ? ", recalled" : "")"
            case .beginUnconfirmed(let caller, _, _, _, let recall):
                "\(caller) begins unconfirmed\(recall ? ", recalled" : "")"
            case .end(let caller, _, let outcome): "\(caller) \(word(outcome))"
            case .abandon(let claim): "abandon \(claim.token)"
            case .listen: "listen"
            }
        }
    }

    private func word(_ outcome: LockWait.Outcome) -> String {
        switch outcome {
        case .granted: "has a lease"
        case .timedOut: "timed out"
        case .cancelled: "was cancelled"
        case .failed(let error): "failed: \(error.delivery)"
        }
    }

    private func wait(
        _ token: String, barging: Bool = false, atMost limit: Duration? = nil, lockDelay: Duration = .zero
    ) -> LockWait {
        let claim = LeaseClaim(
            lock: "a", key: "t:{a}:lock", token: token, lease: LeaseTerm(.seconds(30), lockDelay: lockDelay))
        return LockWait(claim, atMost: limit, clock: .continuous, barging: barging)
    }

    private func holder(_ token: String, fence: Int64? = nil) -> Holder {
        let entry = fence.map { text in
            String(repeating: "0", count: 16 - "\(text)".count) + "\(text)" + token
        }
        return Holder(value: token, remainingMilliseconds: 30_000, fenceEntry: entry, nowMicroseconds: 0)
    }

    private func question(
        _ reason: WaitingRoom.Reason, _ mode: LeaseClaim.Mode = .wait
    ) -> Waits.Question { Waits.Question(reason: reason, mode: mode) }

    /// A waiter that was refused and stands in the queue, while Redis can tell of grants.
    private func waiting(
        _ wait: LockWait, fence: Int64? = nil, in waits: inout Waits
    ) -> [String] {
        waits.beganListening(at: start)
        _ = waits.arrive(wait, wait.claim.token)
        return words(
            waits.refused(
                wait.claim, question(.arrival), by: holder(stranger, fence: fence), queuedAnew: true,
                sentAt: start, at: start))
    }

    private func error(_ code: RedisError.Code, _ delivery: RedisError.Delivery) -> RedisError {
        RedisError(code, delivery: delivery, "no")
    }

    private func failed(
        _ wait: LockWait, _ reason: WaitingRoom.Reason, _ error: RedisError, in waits: inout Waits
    ) -> [String] {
        words(waits.failed(wait.claim, question(reason), error, pause: .milliseconds(50), at: start))
    }

    private func granted(
        _ wait: LockWait, _ reason: WaitingRoom.Reason, sentAt: Duration = .zero, at now: Duration = .zero,
        in waits: inout Waits
    ) -> [String] {
        words(waits.granted(wait.claim, question(reason), nil, sentAt: start + sentAt, at: start + now))
    }

    // MARK: Arrival

    @Test("ask without a place until somebody listens, unless they barge")
    func modes() {
        var waits = Waits()
        #expect(words(waits.arrive(wait("a"), "a")) == ["a asks: arrival attempt"])
        #expect(words(waits.arrive(wait("b", barging: true), "b")) == ["b asks: arrival barge"])
        waits.beganListening(at: start)
        #expect(words(waits.arrive(wait("c"), "c")) == ["c asks: arrival wait"])
    }

    @Test("end at once where the cancellation came first, or their time was over with the first answer")
    func overBefore() {
        var waits = Waits()
        let cancelled = wait("a")
        cancelled.cancel()
        #expect(words(waits.arrive(cancelled, "a")) == ["a was cancelled"])
        let late = wait("b", atMost: .zero)
        _ = waits.arrive(late, "b")
        #expect(
            words(
                waits.refused(
                    late.claim, question(.arrival), by: holder(stranger), queuedAnew: true, sentAt: .now,
                    at: .now)) == ["abandon b", "b timed out"])
        #expect(waits.claims.isEmpty)
    }

    @Test("begin with the grant that their first question met")
    func free() {
        var waits = Waits()
        let wait = wait("a")
        _ = waits.arrive(wait, "a")
        #expect(granted(wait, .arrival, in: &waits) == ["a begins"])
        #expect(waits.claims.isEmpty && waits.nextLook == nil)
    }

    @Test("need messages from the first refusal on")
    func listening() {
        var waits = Waits()
        #expect(waiting(wait("a"), in: &waits) == ["listen"])
        #expect(waits.nextLook == start + WaitingRoom.patience)
    }

    // MARK: Retries

    @Test("repeat a first question whose answer was lost with the connection, once")
    func repeated() {
        var waits = Waits()
        let wait = wait("a")
        _ = waits.arrive(wait, "a")
        let lost = error(.connectionLost, .unknown)
        #expect(failed(wait, .arrival, lost, in: &waits) == ["a asks: arrival attempt"])
        #expect(failed(wait, .arrival, lost, in: &waits) == ["abandon a", "a failed: unknown"])
    }

    @Test("remember that a first question may have happened, whatever its repetition met")
    func unknown() {
        var waits = Waits()
        let wait = wait("a")
        _ = waits.arrive(wait, "a")
        _ = failed(wait, .arrival, error(.connectionLost, .unknown), in: &waits)
        let refused = error(.refused, .refused)
        #expect(failed(wait, .arrival, refused, in: &waits) == ["abandon a", "a failed: unknown"])
    }

    @Test(
        "do not repeat a first question that did not happen, or timed out",
        arguments: [RedisError.Code.connectionLost, .timeout])
    func notRepeated(code: RedisError.Code) {
        var waits = Waits()
        let wait = wait("a")
        _ = waits.arrive(wait, "a")
        let delivery: RedisError.Delivery = code == .timeout ? .unknown : .notDelivered
        #expect(
            failed(wait, .arrival, error(code, delivery), in: &waits)
                == ["abandon a", "a failed: \(delivery)"])
    }

    @Test("outlast failures that pass once they wait, and ask again after a pause")
    func patient() {
        var waits = Waits()
        let wait = wait("a")
        _ = waiting(wait, in: &waits)
        for code in [RedisError.Code.connectionLost, .connectFailed, .timeout] {
            #expect(failed(wait, .check, error(code, .unknown), in: &waits) == [])
        }
        #expect(waits.nextLook == start + .milliseconds(50))
        #expect(words(waits.look(at: start + .milliseconds(50))) == ["a asks: check wait"])
        #expect(granted(wait, .check, in: &waits) == ["a begins, recalled"])
    }

    @Test("end with a failure that does not pass, after which the others of the name look for themselves")
    func final() {
        var waits = Waits()
        let (first, second) = (wait("a"), wait("b"))
        _ = waiting(first, in: &waits)
        _ = waiting(second, in: &waits)
        let refused = error(.permissionDenied, .refused)
        #expect(failed(first, .check, refused, in: &waits) == ["abandon a", "a failed: refused"])
        #expect(words(waits.look(at: start)) == ["b asks: check wait"])
    }

    // MARK: Grants that are told of

    @Test("confirm a grant that they hear of, and only once at a time")
    func confirm() {
        var waits = Waits()
        let wait = wait("a")
        _ = waiting(wait, in: &waits)
        #expect(words(waits.heard(ofGrantTo: "a", nil, at: start)) == ["a asks: confirm wait"])
        #expect(words(waits.heard(ofGrantTo: "a", nil, at: start)) == [])
        #expect(granted(wait, .confirm, in: &waits) == ["a begins"])
    }

    @Test("begin before they have confirmed, where the fence shows that the grant is young")
    func young() {
        var waits = Waits()
        let wait = wait("a")
        _ = waiting(wait, fence: 7, in: &waits)
        let fence = FencingToken(rawValue: 8)
        #expect(words(waits.heard(ofGrantTo: "a", fence, at: start)) == ["a begins unconfirmed"])
        #expect(waits.claims.isEmpty)
    }

    @Test("confirm first where the fence proves nothing, or a lock-delay is wished for")
    func old() {
        for (known, delay) in [(8, Duration.zero), (7, .seconds(1))] {
            var waits = Waits()
            _ = waiting(wait("a", lockDelay: delay), fence: Int64(known), in: &waits)
            let fence = FencingToken(rawValue: 8)
            #expect(words(waits.heard(ofGrantTo: "a", fence, at: start)) == ["a asks: confirm wait"])
        }
    }

    @Test("confirm a grant that they heard of before the answer to their first question")
    func early() {
        var waits = Waits()
        waits.beganListening(at: start)
        let wait = wait("a")
        _ = waits.arrive(wait, "a")
        #expect(words(waits.heard(ofGrantTo: "a", nil, at: start)) == [])
        #expect(
            words(
                waits.refused(
                    wait.claim, question(.arrival), by: holder(stranger), queuedAnew: true, sentAt: start,
                    at: start)) == ["listen", "a asks: confirm wait"])
    }

    // MARK: Late grants

    @Test("ask once more about a grant that comes too late to be believed, and take what that brings")
    func late() {
        var waits = Waits()
        let wait = wait("a")
        _ = waiting(wait, in: &waits)
        _ = waits.heard(ofGrantTo: "a", nil, at: start)
        #expect(granted(wait, .confirm, at: .seconds(60), in: &waits) == ["a asks: confirm wait"])
        #expect(
            granted(wait, .confirm, sentAt: .seconds(60), at: .seconds(120), in: &waits) == ["a begins"])
    }

    // MARK: Departures

    @Test("pass on what Redis gives to one that has left, by an answer, a message or another's refusal")
    func departed() {
        var waits = Waits()
        let (gone, other) = (wait(stranger), wait("b"))
        _ = waiting(gone, in: &waits)
        #expect(
            words(waits.leave(stranger, .cancelled)) == [
                "abandon \(stranger)", "\(stranger) was cancelled",
            ])
        #expect(words(waits.leave(stranger, .cancelled)) == [], "once")
        let abandoned = ["abandon \(stranger)"]
        #expect(granted(gone, .confirm, in: &waits) == abandoned)
        #expect(words(waits.heard(ofGrantTo: stranger, nil, at: start)) == abandoned)
        #expect(failed(gone, .check, error(.timeout, .unknown), in: &waits) == abandoned)
        #expect(waiting(other, in: &waits) == abandoned + ["listen"])
        #expect(words(waits.heard(ofGrantTo: "unknown", nil, at: start)) == [])
    }

    @Test("pass nothing on of one that began and still holds the lock")
    func recalled() {
        var waits = Waits()
        let wait = wait("a")
        _ = waiting(wait, in: &waits)
        _ = failed(wait, .check, error(.timeout, .unknown), in: &waits)
        #expect(granted(wait, .check, in: &waits) == ["a begins, recalled"])
        let grant = Grant(wait.claim, sentAt: start)
        waits.recall(wait.claim, after: grant)
        #expect(words(waits.heard(ofGrantTo: "a", nil, at: start)) == [])
        grant.letGo()
        #expect(words(waits.heard(ofGrantTo: "a", nil, at: start)) == ["abandon a"])
    }

    @Test("time out with the holder that was seen last, whatever others of the name do")
    func timeout() {
        var waits = Waits()
        _ = waiting(wait("a", atMost: .seconds(1)), in: &waits)
        _ = waiting(wait("b"), in: &waits)
        #expect(
            words(waits.look(at: .now + .seconds(1))) == ["abandon a", "a timed out", "b asks: check wait"])
        #expect(waits.claims.map(\.token) == ["b"])
    }

    @Test("all end where messages are forbidden, but for those whose first question is under way")
    func forbidden() {
        var waits = Waits()
        _ = waiting(wait("a"), in: &waits)
        _ = waits.arrive(wait("b"), "b")
        let denied = error(.permissionDenied, .refused)
        #expect(words(waits.refuseAll(denied)) == ["abandon a", "a failed: refused"])
        #expect(waits.claims.map(\.token) == ["b"])
        #expect(words(waits.arrive(wait("c"), "c")) == ["c asks: arrival attempt"])
    }

    @Test("all end with their client, and what Redis knows of them is left to it")
    func closed() {
        var waits = Waits()
        _ = waiting(wait("a"), in: &waits)
        _ = waits.arrive(wait("b"), "b")
        let closed = error(.closed, .notDelivered)
        #expect(
            words(waits.close(.failed(closed))).sorted() == [
                "a failed: notDelivered", "b failed: notDelivered",
            ])
        #expect(waits.claims.isEmpty)
    }
}
