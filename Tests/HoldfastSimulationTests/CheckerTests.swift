import HoldfastSimulation
import Testing

/// A checker is worth what it catches: each of these takes a run in which all is well and breaks one thing.
@Suite struct CheckerTests {
    static let lease: Int64 = 1_000
    static let author = Author(slot: 1, pid: 11)

    /// Three messages, two ticks, one kill and one pause; every promise holds.
    static func goodRun() -> Observations {
        var plan = FaultPlan(seed: 1, instances: 2, kills: 0, pauses: 0)
        plan.faults = [Fault(.kill, .slot(1), at: 0.3), Fault(.pause, .slot(2), at: 0.6, pauseInLeases: 2)]
        let messages = ["a", "b", "c"].map {
            InputMessage(
                id: $0, body: Array("null".utf8), share: Share(group: $0 == "c" ? "odd" : "even", amount: 2))
        }
        var ledger = LedgerContents()
        ledger.effects = ["a", "b", "c"].map { .init(message: $0, author: author, fence: 1, attempt: 1) }
        ledger.absorbed = [.init(message: "a", author: author, fence: 1, attempt: 2)]
        ledger.totals = ["even": 4, "odd": 2]
        ledger.tickStarts = [
            .init(tick: "t@1", fence: 10, author: author), .init(tick: "t@2", fence: 20, author: author),
        ]
        ledger.acceptedTicks = [.init(tick: "t@2", fence: 20, author: author)]
        ledger.refusedTicks = [.init(tick: "t@1", fence: 10, author: author)]
        var begin = HistoryRecord(.handlerBegin, at: 50, author: author)
        begin.message = "a"
        return Observations(
            plan: plan, messages: messages, ledger: ledger,
            redis: .init(counts: ["a": 1, "b": 1, "c": 1], totals: ["even": 4, "odd": 2]),
            leftovers: ["stream": 0, "claims": 0, "dead letters": 0],
            history: [begin],
            strikes: [
                StrikeRecord(fault: plan.faults[0], slot: 1, pid: 11, hitAt: 100, endedAt: nil),
                StrikeRecord(fault: plan.faults[1], slot: 2, pid: 12, hitAt: 200, endedAt: 2_200),
            ],
            endings: [
                InstanceEnding(author: author, cause: .killed, exitStatus: nil),
                InstanceEnding(author: Author(slot: 2, pid: 12), cause: .asked, exitStatus: 0),
            ],
            leaseInNanoseconds: lease
        )
    }

    /// The checks that fail after `damage`.
    private static func broken(_ damage: (inout Observations) -> Void) -> [Verdict.Check] {
        var run = goodRun()
        damage(&run)
        let verdicts = run.verdicts()
        for verdict in verdicts where !verdict.holds { #expect(!verdict.examples.isEmpty) }
        return verdicts.filter { !$0.holds }.map(\.check)
    }

    @Test func `A good run passes every check there is`() {
        #expect(Self.broken { _ in } == [])
        #expect(Self.goodRun().verdicts().map(\.check) == Verdict.Check.allCases)
    }

    @Test func `A message without an effect is lost`() {
        #expect(Self.broken { $0.ledger.effects.removeLast() } == [.nothingLost])
    }

    @Test func `Two effects of one message are a duplicate`() {
        #expect(Self.broken { $0.ledger.effects.append($0.ledger.effects[0]) } == [.noDuplicateEffect])
    }

    @Test func `An effect of a message that was not sent is a phantom`() {
        #expect(
            Self.broken {
                $0.ledger.effects.append(.init(message: "z", author: Self.author, fence: 1, attempt: 1))
            } == [.noPhantom])
        #expect(Self.broken { $0.redis.counts["z"] = 1 } == [.noPhantom])
    }

    @Test func `A count other than one in Redis is caught`() {
        #expect(Self.broken { $0.redis.counts["b"] = 2 } == [.redisCountsOnce])
        #expect(Self.broken { $0.redis.counts["b"] = nil } == [.redisCountsOnce])
    }

    @Test func `Totals that differ anywhere are caught`() {
        #expect(Self.broken { $0.redis.totals["even"] = 6 } == [.totalsAgree])
        #expect(Self.broken { $0.redis.totals["odd"] = nil } == [.totalsAgree])
        #expect(Self.broken { $0.ledger.totals["odd"] = 1 } == [.totalsAgree])
        #expect(Self.broken { $0.ledger.totals["new"] = 0 } == [.totalsAgree])
    }

    @Test func `A tick that starts twice is caught, also on another instance`() {
        #expect(
            Self.broken {
                $0.ledger.tickStarts.append(.init(tick: "t@1", fence: 30, author: Author(slot: 2, pid: 12)))
            } == [.noTickTwice])
    }

    @Test func `A run without a single tick does not pass`() {
        #expect(
            Self.broken {
                $0.ledger.tickStarts = []
                $0.ledger.acceptedTicks = []
                $0.ledger.refusedTicks = []
            } == [.noTickTwice])
    }

    @Test func `An accepted stale write is caught`() {
        #expect(Self.broken { $0.ledger.acceptedTicks.append($0.ledger.refusedTicks[0]) } == [.fencesRise])
    }

    @Test func `A fence of two ticks is caught`() {
        #expect(
            Self.broken {
                $0.ledger.tickStarts.append(.init(tick: "t@3", fence: 20, author: Self.author))
            } == [.fencesRise])
    }

    @Test func `A queue that is not empty is caught`() {
        #expect(Self.broken { $0.leftovers["dead letters"] = 1 } == [.nothingLeft])
    }

    @Test func `A process that ended by itself, badly or not at all is caught`() {
        #expect(Self.broken { $0.endings[1].cause = .byItself } == [.cleanEndings])
        #expect(Self.broken { $0.endings[1].exitStatus = 1 } == [.cleanEndings])
        #expect(Self.broken { $0.endings[1].cause = .forced } == [.cleanEndings])
    }

    @Test func `A fault that did not strike or hit nothing is caught`() {
        #expect(Self.broken { $0.strikes.removeLast() } == [.faultsFelt])
        #expect(Self.broken { $0.strikes[1].hitAt = nil } == [.faultsFelt])
    }

    @Test func `A pause within the lease is caught`() {
        #expect(Self.broken { $0.strikes[1].endedAt = 200 + Self.lease } == [.faultsFelt])
    }

    @Test func `Faults that hit only idle instances are caught`() {
        #expect(Self.broken { $0.history = [] } == [.faultsFelt])
        #expect(
            Self.broken {
                var end = HistoryRecord(.handlerEnd, at: 60, author: Self.author)
                end.message = "a"
                $0.history.append(end)
            } == [.faultsFelt])
    }

    @Test func `A run that was given up does not pass`() {
        #expect(Self.broken { $0.deadlinePassed = true } == [.inTime])
    }

    @Test func `The figures count what happened`() {
        var run = Self.goodRun()
        run.ledger.effects.append(run.ledger.effects[0])
        run.ledger.effects.removeAll { $0.message == "c" }
        var again = HistoryRecord(.handlerBegin, at: 300, author: Self.author)
        again.attempt = 2
        var lost = HistoryRecord(.handlerEnd, at: 400, author: Self.author)
        lost.lost = true
        run.history += [again, lost]
        let figures = Figures(run, seconds: 1)
        #expect(figures.messages == 3)
        #expect(figures.lost == 1)
        #expect(figures.duplicateEffects == 1)
        #expect(figures.deliveries == 2)
        #expect(figures.redeliveries == 1)
        #expect(figures.absorbed == 1)
        #expect(figures.lostClaims == 1)
        #expect(figures.staleWritesRefused == 1)
        #expect(figures.messagesInFlightAtFaults == 1)
    }
}
