import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// A lease of 30 s, granted at 0: renewed at 10, suspended at 15, endangered at 19.698, over at 29.698.
@Suite("The status of a lease")
struct LeaseStatusTests {
    enum Event: Sendable {
        case sent(Double)
        case answered(Double)
        case failed(Double)
        case refused, released, closed
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var hold: Duration?
        let events: [Event]
        let at: Double
        let status: LeaseStatus

        init(_ text: String, hold: Duration? = nil, _ events: [Event], at: Double, is status: LeaseStatus) {
            testDescription = text
            self.hold = hold
            self.events = events
            self.at = at
            self.status = status
        }
    }

    static let start = ContinuousClock.now

    static func at(_ seconds: Double) -> ContinuousClock.Instant {
        start + .milliseconds(Int((seconds * 1000).rounded()))
    }

    static func state(maximumHold: Duration? = nil, _ events: [Event] = []) -> LeaseState {
        var state = LeaseState(
            lease: LeaseTerm(.seconds(30), lockDelay: .seconds(15), maximumHold: maximumHold), sentAt: start)
        for event in events {
            switch event {
            case .sent(let instant): #expect(state.next(at: at(instant)) == .renew)
            case .answered(let sent): state.renewed(sentAt: at(sent))
            case .failed(let instant): _ = state.renewalFailed(at: at(instant))
            case .refused: _ = state.refused()
            case .released: _ = state.release()
            case .closed: _ = state.close()
            }
        }
        return state
    }

    static let rows = [
        Row("held from the grant on", [], at: 0, is: .held),
        Row("held while a renewal is under way", [.sent(10)], at: 14.999, is: .held),
        Row("suspended when its answer is late", [.sent(10)], at: 15, is: .suspended),
        Row("suspended when no renewal could even be sent", [], at: 15, is: .suspended),
        Row("suspended as soon as one failed", [.sent(10), .failed(11)], at: 11, is: .suspended),
        Row(
            "suspended while it is tried again", [.sent(10), .failed(11), .sent(12.5)], at: 13, is: .suspended
        ),
        Row(
            "held again after a success", [.sent(10), .failed(11), .sent(12.5), .answered(12.5)], at: 13,
            is: .held),
        Row("held again after a late success", [.sent(10), .answered(10)], at: 16, is: .held),
        Row("endangered with a third left", [.sent(10)], at: 19.698, is: .endangered),
        Row("endangered after failures", [.sent(10), .failed(11)], at: 19.698, is: .endangered),
        Row(
            "held again after a success in danger", [.sent(10), .failed(20), .sent(21.5), .answered(21.5)],
            at: 22, is: .held),
        Row(
            "in danger after a success that is old", [.sent(10), .answered(10)], at: 29.698, is: .endangered),
        Row("in danger until the deadline", [], at: 29.697, is: .endangered),
        Row("lost at the deadline, though no timer noticed", [], at: 29.698, is: .lost(.expired)),
        Row("lost when Redis says so", [.sent(10), .refused], at: 11, is: .lost(.taken)),
        Row(
            "lost when Redis says so after a failure", [.sent(10), .failed(11), .sent(12.5), .refused],
            at: 13, is: .lost(.taken)),
        Row("lost with its client", [.closed], at: 1, is: .lost(.closed)),
        Row("released", [.released], at: 1, is: .released),
        Row("released in danger", [.released], at: 25, is: .released),
        Row("released for ever", [.released], at: 60, is: .released),
        Row(
            "held for less than its maximum", hold: .seconds(30), [.sent(10), .answered(10)], at: 19.999,
            is: .held),
        Row(
            "in danger before its maximum hold", hold: .seconds(30), [.sent(10), .answered(10)], at: 20,
            is: .endangered),
        Row(
            "lost at its maximum hold", hold: .seconds(30), [.sent(10), .answered(10)], at: 30,
            is: .lost(.heldTooLong)),
        Row("expired before its maximum hold", hold: .seconds(30), [], at: 29.698, is: .lost(.expired)),
    ]

    @Test("follows renewals and time", arguments: rows)
    func table(row: Row) {
        let state = Self.state(maximumHold: row.hold, row.events)
        let now = Self.at(row.at)
        #expect(state.status(at: now) == row.status)
        #expect(state.isHeld(at: now) == row.status.isHeld)
    }

    @Test("changes at instants that the machine asks to be woken at")
    func wakes() {
        var state = Self.state([.sent(10)])
        #expect(state.next(at: Self.at(10)) == .wait(until: Self.at(15)))
        #expect(state.next(at: Self.at(15)) == .wait(until: Self.at(19.698)))
        #expect(state.next(at: Self.at(19.698)) == .wait(until: Self.at(29.698)))
        #expect(state.next(at: Self.at(29.698)) == .lost(.expired))
        #expect(state.next(at: Self.at(30)) == .nothing)
    }

    @Test("is not renewed any more once it lasts until its maximum hold, whose end is its deadline")
    func maximumHold() {
        var state = Self.state(
            maximumHold: .seconds(45), [.sent(10), .answered(10), .sent(20), .answered(20)])
        #expect(state.deadline == Self.at(45))
        #expect(state.next(at: Self.at(30)) == .wait(until: Self.at(35)))
        #expect(state.next(at: Self.at(35)) == .wait(until: Self.at(45)))
        #expect(state.next(at: Self.at(45)) == .lost(.heldTooLong))
    }

    @Test("does not count a lock-delay: only the key in Redis lives longer")
    func lockDelay() {
        let term = LeaseTerm(.seconds(30), lockDelay: .seconds(15))
        #expect(term.milliseconds == .integer(45_000))
        #expect(LeaseState(lease: term, sentAt: Self.start).deadline == Self.at(29.698))
    }

    @Test("is told as it changes: suspended and endangered while Redis is silent, and held again")
    func silence() async throws {
        try await withHoldfast { holdfast, server in
            let lease = try await holdfast.acquire("a", lease: .seconds(3))
            let changes = Record<LeaseStatus>()
            let observer = Task { [statusChanges = lease.statusChanges] in
                for await status in statusChanges { changes.add(status) }
            }
            #expect(await eventually { changes.all == [.held] })
            try await server.pause()
            #expect(await eventually { lease.status == .endangered || !lease.status.isHeld })
            try await server.resume()
            #expect(await eventually { lease.status == .held || !lease.status.isHeld })
            try? await lease.release()
            await observer.value
            // A machine that stands still for a while may lose the lease, or miss a step, but never says so wrongly.
            let told = changes.all.filter { $0 != .suspended }
            #expect(told.prefix(2) == [.held, .endangered])
            #expect(told.dropFirst(2) == [.held, .released] || told.dropFirst(2) == [.lost(.expired)])
        }
    }

    @Test("is suspended as soon as Redis refuses a renewal, and held again once it does not")
    func refusedRenewal() async throws {
        try await withHoldfast { holdfast, _ in
            let lease = try await holdfast.acquire("a", lease: .seconds(6))
            let changes = Record<LeaseStatus>()
            let observer = Task { [statusChanges = lease.statusChanges] in
                for await status in statusChanges { changes.add(status) }
            }
            try await holdfast.redis("ACL", "SETUSER", "default", "-pexpire")
            #expect(await eventually { changes.all.contains(.suspended) })
            try lease.check()
            try await holdfast.redis("ACL", "SETUSER", "default", "+pexpire")
            #expect(await eventually { changes.all.last == .held })
            try await lease.release()
            await observer.value
            // A machine that is too busy for renewals endangers it meanwhile.
            #expect(changes.all.filter { $0 != .endangered } == [.held, .suspended, .held, .released])
        }
    }

    @Test("is lost as taken, at the next renewal, where something that is no lock stands in its place")
    func wrongType() async throws {
        let clock = ManualClock()
        let holdfast = try InMemoryRedis(clock: clock, logger: .quiet).holdfast(namespace: "t")
        let lease = try await holdfast.acquire("a", lease: .seconds(30))
        try await holdfast.redis("DEL", "t:{a}:lock")
        try await holdfast.redis("RPUSH", "t:{a}:lock", "x")
        await clock.advance(by: .seconds(9))
        #expect(lease.isHeld)
        await clock.advance(by: .seconds(1))
        #expect(lease.status == .lost(.taken))
        await holdfast.close()
    }

    @Test("ends with the loss, and one that is asked for after it begins and ends with it")
    func loss() async throws {
        let clock = ManualClock()
        let holdfast = try InMemoryRedis(clock: clock, logger: .quiet).holdfast(namespace: "t")
        let lease = try await holdfast.acquire("a", lease: .seconds(30))
        var changes = lease.statusChanges.makeAsyncIterator()
        let first = await changes.next(isolation: nil)
        #expect(first == .held)
        try await holdfast.redis("DEL", "t:{a}:lock")
        await clock.advance(by: .seconds(10))
        var last: LeaseStatus?
        while let status = await changes.next(isolation: nil) { last = status }
        #expect(last == .lost(.taken))
        #expect(lease.status == .lost(.taken))
        var late: [LeaseStatus] = []
        for await status in lease.statusChanges { late.append(status) }
        #expect(late == [.lost(.taken)])
        await holdfast.close()
    }

    @Test("can be observed by many, who end when they are cancelled, with the lease's release, or its drop")
    func observers() async throws {
        try await withHoldfast { holdfast, _ in
            var lease: Lease? = try await holdfast.acquire("a")
            let grant = try #require(lease?.grant)
            let observers = (0..<100).map { _ in
                Task { [changes = grant.statusChanges()] in await changes.reduce(into: []) { $0.append($1) } }
            }
            #expect(await eventually { grant.observerCount == 100 })
            for observer in observers.prefix(50) { observer.cancel() }
            for observer in observers.prefix(50) { #expect(await observer.value.last != .released) }
            #expect(grant.observerCount == 50)
            _ = grant.statusChanges()
            #expect(grant.observerCount == 50)
            // The sequences do not keep the lease: dropped, it is released.
            lease = nil
            for observer in observers.suffix(50) { #expect(await observer.value == [.held, .released]) }
            #expect(grant.observerCount == 0)
            #expect(try await eventually { try await holdfast.redis("EXISTS", "t:{a}:lock").integer == 0 })
        }
    }
}
