import Testing

@testable import Holdfast

@Suite("A waiting room")
struct WaitingRoomTests {
    private let start = ContinuousClock.now

    private let stranger = "0123456789abcdef:0123456789abcdef0123456789abcdef"

    private func holder(_ token: String, remaining: Int64 = 1000) -> Holder {
        Holder(value: token, remainingMilliseconds: remaining, fenceEntry: nil, nowMicroseconds: 0)
    }

    private func room(_ tokens: String...) -> WaitingRoom {
        var room = WaitingRoom()
        for token in tokens { room.enter(token, until: nil) }
        return room
    }

    @Test("checks when the lease that was seen last must have ended, and then by its first waiter alone")
    func check() {
        var room = room("a", "b")
        _ = room.refused(
            "a", reason: .arrival, by: holder(stranger), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        _ = room.refused(
            "b", reason: .arrival, by: holder(stranger, remaining: 2000), queuedAnew: false,
            isListening: true, sentAt: start, at: start)
        #expect(room.nextWake == start + .milliseconds(1001))
        let answer1 = room.check(at: start + .milliseconds(1000))
        #expect(answer1 == nil)
        let answer2 = room.check(at: start + .milliseconds(1001))
        #expect(answer2 == "a")
        let answer3 = room.check(at: start + .milliseconds(1001))
        #expect(answer3 == nil)
    }

    @Test("relies on messages for no longer than its patience", arguments: [-1, 60_000])
    func patienceEnds(remaining: Int64) {
        var room = room("a")
        _ = room.refused(
            "a", reason: .arrival, by: holder(stranger, remaining: remaining), queuedAnew: false,
            isListening: true, sentAt: start, at: start)
        #expect(room.nextWake == start + WaitingRoom.patience)
    }

    @Test("asks often where no message can be relied on")
    func impatience() {
        for (token, isListening) in [("redis-py", true), (stranger, false)] {
            var room = room("a")
            _ = room.refused(
                "a", reason: .arrival, by: holder(token), queuedAnew: false, isListening: isListening,
                sentAt: start, at: start)
            #expect(room.nextWake == start + WaitingRoom.impatience)
        }
    }

    @Test("asks for a place for who has none, as soon as somebody listens")
    func lateListening() {
        var room = room("a")
        for (tookPlace, isListening) in [(false, false), (false, true), (true, true)] {
            let asking = room.refused(
                "a", reason: .arrival, by: holder(stranger), queuedAnew: false, tookPlace: tookPlace,
                isListening: isListening, sentAt: start, at: start)
            #expect(asking.map(\.reason) == (isListening && !tookPlace ? [.requeue] : []))
        }
    }

    @Test("finds those without a place when it checks, also those whose question for one failed")
    func homeless() {
        var room = room("a", "b", "c")
        let check = {
            room.refused(
                "a", reason: .check, by: holder(stranger), queuedAnew: false, isListening: true,
                sentAt: start, at: start
            ).map(\.token)
        }
        #expect(check() == ["b", "c"])
        // They are asking.
        #expect(check() == [])
        _ = room.refused(
            "b", reason: .requeue, by: holder(stranger), queuedAnew: true, isListening: true,
            sentAt: start, at: start)
        room.failed("c", retry: start)
        #expect(check() == ["c"])
        _ = room.refused(
            "c", reason: .requeue, by: holder(stranger), queuedAnew: true, isListening: true,
            sentAt: start, at: start)
        #expect(check() == [])
    }

    @Test("looks at once when one of it found the lock free: the queue has none of the others either")
    func foundFree() {
        let pauses: [WaitingRoom.Reason: Duration] = [
            .confirm: .seconds(1), .check: .zero, .arrival: .zero, .requeue: .zero,
        ]
        for (reason, pause) in pauses {
            var room = room("a", "b")
            let wasThere = room.leave("a")
            #expect(wasThere)
            room.granted(reason, lease: .seconds(1), at: start)
            #expect(room.nextWake == start + pause)
        }
    }

    @Test("confirms for a waiter of its own that Redis names as the holder: the message was lost")
    func lostMessage() {
        var room = room("a", "b")
        let asking = room.refused(
            "b", reason: .check, by: holder("a"), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        #expect(asking.map(\.token) == ["a"])
        #expect(asking.map(\.reason) == [.confirm])
        // It asks already.
        let again = room.refused(
            "b", reason: .arrival, by: holder("a"), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        #expect(again.isEmpty)
    }

    @Test("queues all its waiters again, in their order, when the check found that it lost its place")
    func lostPlace() {
        var room = room("a", "b", "c")
        for token in ["a", "b", "c"] {
            _ = room.refused(
                token, reason: .arrival, by: holder(stranger), queuedAnew: true, isListening: true,
                sentAt: start, at: start)
        }
        _ = room.asks("a")
        let nobody = room.refused(
            "a", reason: .check, by: holder(stranger), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        #expect(nobody.isEmpty)
        _ = room.asks("a")
        let asking = room.refused(
            "a", reason: .check, by: holder(stranger), queuedAnew: true, isListening: true,
            sentAt: start, at: start)
        #expect(asking.map(\.token) == ["b", "c"])
        #expect(asking.map(\.reason) == [.requeue, .requeue])
        // Their own answers do not start that again.
        let again = room.refused(
            "b", reason: .requeue, by: holder(stranger), queuedAnew: true, isListening: true,
            sentAt: start, at: start)
        #expect(again.isEmpty)
    }

    @Test("asks again for a waiter that is granted the lock while an older question of it is under way")
    func askedMeanwhile() {
        var room = room("a")
        let isFirst = room.asks("a")
        let isSecond = room.asks("a")
        #expect(isFirst)
        #expect(!isSecond)
        let asking = room.refused(
            "a", reason: .check, by: holder(stranger), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        #expect(asking.map(\.token) == ["a"])
        let asksOn = room.refused(
            "a", reason: .confirm, by: holder(stranger), queuedAnew: false, isListening: true,
            sentAt: start, at: start)
        #expect(asksOn.isEmpty)
    }

    @Test("names those whose time is over, each once they leave")
    func deadlines() {
        var room = WaitingRoom()
        room.enter("a", until: start + .seconds(2))
        room.enter("b", until: start + .seconds(1))
        room.enter("c", until: nil)
        #expect(room.nextWake == start + .seconds(1))
        let answer4 = room.expired(at: start)
        #expect(answer4.isEmpty)
        let answer5 = room.expired(at: start + .seconds(1))
        #expect(answer5 == ["b"])
        let answer6 = room.leave("b")
        #expect(answer6)
        let answer7 = room.leave("b")
        #expect(!answer7)
        #expect(room.nextWake == start + .seconds(2))
        let answer8 = room.expired(at: start + .seconds(2))
        #expect(answer8 == ["a"])
        #expect(room.nextWake == nil)
    }

    @Test("wakes for the first limit, whoever has it")
    func firstDeadline() {
        var room = WaitingRoom()
        room.enter("a", until: start + .seconds(1))
        room.enter("b", until: start + .seconds(2))
        #expect(room.nextWake == start + .seconds(1))
    }

    @Test("lets the next one check when the first has left, and keeps no trace of those that left")
    func leaving() {
        var room = room("a", "b")
        for index in 0..<100 {
            room.enter("left-\(index)", until: nil)
            _ = room.leave("left-\(index)")
        }
        _ = room.leave("a")
        room.checks(by: start)
        let answer9 = room.check(at: start)
        #expect(answer9 == "b")
        #expect(room.count == 1)
    }

    @Test("asks again after a failure")
    func failure() {
        var room = room("a")
        room.checks(by: start)
        let answer10 = room.check(at: start)
        #expect(answer10 == "a")
        room.failed("a", retry: start + .seconds(1))
        let answer11 = room.check(at: start + .seconds(1))
        #expect(answer11 == "a")
    }

    @Test("believes a grant whose fence is higher than the one it was told of, from when it asked for that")
    func youngGrant() {
        var room = room("a")
        let now = start + .milliseconds(500)
        func end(_ fence: Int64, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            room.end(ofGrantWith: FencingToken(rawValue: fence), for: LeaseTerm(.seconds(30)), at: now)
        }
        #expect(end(2_000_000_000_000_001, at: now) == nil)
        room.told(holder(stranger), sentAt: start)
        #expect(end(2_000_000_000_000_001, at: now) == nil)
        let entry = "2000000000000000\(stranger)"
        room.told(
            Holder(value: stranger, remainingMilliseconds: 1000, fenceEntry: entry, nowMicroseconds: 0),
            sentAt: start)
        // An older message, of a grant that is over.
        #expect(end(2_000_000_000_000_000, at: now) == nil)
        // Three seconds, less one per cent and two milliseconds.
        #expect(end(2_000_000_000_000_001, at: now) == start + .milliseconds(2968))
    }

    @Test("tells once when to look, and anew if that comes to be sooner, or has come")
    func newWake() {
        var room = WaitingRoom()
        func newWake() -> Duration? { room.newWake().map { $0 - start } }
        room.enter("a", until: start + .seconds(9))
        #expect(newWake() == .seconds(9))
        #expect(newWake() == nil)
        room.enter("b", until: start + .seconds(10))
        #expect(newWake() == nil)
        room.enter("c", until: start + .seconds(5))
        #expect(newWake() == .seconds(5))
        room.woke(at: start + .seconds(4))
        #expect(newWake() == nil)
        #expect(room.expired(at: start + .seconds(5)) == ["c"])
        room.woke(at: start + .seconds(5))
        #expect(newWake() == .seconds(9))
    }

    @Test("does not believe a grant of which a third may be all that is left")
    func oldGrant() {
        var room = room("a")
        let entry = "2000000000000000\(stranger)"
        room.told(
            Holder(value: stranger, remainingMilliseconds: 1000, fenceEntry: entry, nowMicroseconds: 0),
            sentAt: start)
        func end(_ lease: LeaseTerm, _ milliseconds: Int) -> Duration? {
            room.end(
                ofGrantWith: FencingToken(rawValue: 2_000_000_000_000_001), for: lease,
                at: start + .milliseconds(milliseconds)
            ).map { $0 - start }
        }
        let long = LeaseTerm(.seconds(30))
        #expect(end(long, 1967) == .milliseconds(2968))
        #expect(end(long, 1968) == nil)
        // A question that was lost may confirm it for a lease, which ends sooner.
        let short = LeaseTerm(.milliseconds(300))
        #expect(end(short, 194) == .milliseconds(295))
        #expect(end(short, 195) == nil)
    }
}

extension WaitingRoom {
    fileprivate mutating func told(_ holder: Holder, sentAt: ContinuousClock.Instant) {
        _ = refused(
            "a", reason: .check, by: holder, queuedAnew: false, isListening: true, sentAt: sentAt,
            at: sentAt + .milliseconds(400))
    }
}
