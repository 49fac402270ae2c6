import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Claims and routes go in, verdicts and events come out; there is no Redis.
@Suite("The runner of handlers")
struct HandlerRunnerTests {
    private struct Oops: Error {}

    private func claim(_ id: String = "m", type: String = "", attempt: Int = 1) -> MessageClaim {
        claim(bytes: Array(id.utf8), type: type, attempt: attempt)
    }

    private func claim(bytes id: [UInt8], type: String = "", attempt: Int = 1) -> MessageClaim {
        MessageClaim(
            entry: "1-0", id: id, type: type, attempt: attempt, body: [],
            fencingToken: FencingToken(rawValue: 1), proof: "", claimedAt: 1,
            lease: LeaseState(lease: LeaseTerm(.seconds(3600)), sentAt: .now), clock: .continuous)
    }

    /// What a runner was given back, and what it told.
    private struct Outcome: Sendable {
        let verdicts = Record<(id: String, verdict: String)>()
        let events = Record<String>()

        func verdict(on id: String) -> String? { verdicts.all.first { $0.id == id }?.verdict }
        func come(_ count: Int) async { #expect(await eventually { verdicts.count == count }) }
    }

    private func begin(
        _ claims: [MessageClaim], _ routes: MessageRoutes, retry: RetryPolicy = RetryPolicy()
    ) throws -> Outcome {
        let outcome = Outcome()
        let runner = HandlerRunner(
            queue: try QueueKeys("q", in: KeySpace(namespace: "t")), routes: routes, retry: retry,
            logger: .quiet, observers: Observers(Observer { outcome.events.add("\($0.level): \($0.words)") })
        ) { claim, verdict in
            outcome.verdicts.add((claim.id, Self.words(verdict)))
        }
        runner.begin(claims)
        return outcome
    }

    private static func words(_ verdict: Settlement.Verdict?) -> String {
        switch verdict {
        case .commit: "commit"
        case .retry: "retry"
        case .bury(let reason): "bury: \(reason)"
        case .giveBack: "give back"
        case .leave: "leave"
        case nil: "nothing"
        }
    }

    private func one(_ handler: @escaping @Sendable (Delivery) async throws -> Decision) -> MessageRoutes {
        MessageRoutes(MessageRoute(handler: .one { _, delivery in try await handler(delivery) }))
    }

    private func many(
        _ size: Int, _ handler: @escaping @Sendable ([Delivery]) async throws -> [Result<Decision, any Error>]
    ) -> MessageRoutes {
        MessageRoutes(MessageRoute(handler: .many(size) { try await handler($0.map(\.1)) }))
    }

    @Test("gives back what each handler decided")
    func decisions() async throws {
        let claims = ["commit", "retry", "give up", "give back", "throw"].map { claim($0) }
        let outcome = try begin(
            claims + [claim("last", attempt: 5)],
            one { delivery in
                switch delivery.id {
                case "commit": .commit
                case "retry": .retry()
                case "give up": .deadLetter("no")
                case "give back": .giveBack()
                default: throw Oops()
                }
            })
        await outcome.come(6)
        #expect(outcome.verdict(on: "commit") == "commit")
        #expect(outcome.verdict(on: "retry") == "retry")
        #expect(outcome.verdict(on: "give up") == "bury: no")
        #expect(outcome.verdict(on: "give back") == "leave")
        #expect(outcome.verdict(on: "throw") == "retry")
        #expect(outcome.verdict(on: "last") == "bury: Oops()")
        #expect(
            outcome.events.all.sorted() == [
                "debug: its handler asked for another attempt",
                "error: the last attempt failed; the message is dead: Oops()",
                "warning: its handler dead-lettered the message: no",
                "warning: the attempt failed; there will be another one: Oops()",
            ])
    }

    @Test("gives no handler what none can be given")
    func unusable() async throws {
        var routes = MessageRoutes()
        routes.add(
            MessageKind("a"), MessageRoute(handler: .one { _, _ in .commit }, retry: RetryPolicy(attempts: 2))
        )
        routes.add(MessageKind("b"), MessageRoute(handler: .one { _, _ in .commit }))
        let outcome = try begin(
            [
                claim(bytes: [255], type: "a"), claim("untyped"), claim("foreign", type: "c"),
                claim("used up", type: "a", attempt: 3), claim("fit", type: "b", attempt: 3),
            ], routes)
        await outcome.come(5)
        #expect(outcome.verdict(on: "\u{FFFD}") == "bury: its id is no UTF-8")
        #expect(outcome.verdict(on: "untyped") == "bury: it names no type, and the queue carries several")
        #expect(outcome.verdict(on: "foreign") == "leave")
        #expect(outcome.verdict(on: "used up")?.hasPrefix("bury: no outcome was reported") == true)
        #expect(outcome.verdict(on: "fit") == "commit")
    }

    @Test("gives nothing back for a claim that is lost, and cancels its handler")
    func loss() async throws {
        let claim = claim()
        let begun = Gate()
        let outcome = try begin(
            [claim],
            one { _ in
                begun.open()
                try await Task.sleep(for: .seconds(3600))
                return .commit
            })
        try await begun.pass()
        claim.update { _ = $0.refused() }
        await outcome.come(1)
        #expect(outcome.verdict(on: "m") == "nothing" && outcome.events.all == [])
    }

    @Test(
        "gives a message back whose handler is cancelled by the stop, unless it may be tried only once",
        arguments: [(RetryPolicy(), "give back"), (.atMostOnce, "bury: its one attempt was cancelled")])
    func stop(retry: RetryPolicy, verdict: String) async throws {
        let claim = claim()
        let begun = Gate()
        let outcome = try begin(
            [claim],
            one { _ in
                begun.open()
                try await Task.sleep(for: .seconds(3600))
                return .commit
            }, retry: retry)
        try await begun.pass()
        claim.end()
        await outcome.come(1)
        #expect(outcome.verdict(on: "m") == verdict)
    }

    @Test("hands messages of one type over in batches, and settles each by itself")
    func batches() async throws {
        let claims = (1...5).map { claim("\($0)") }
        let sizes = Record<Int>()
        let outcome = try begin(
            claims,
            many(2) { deliveries in
                sizes.add(deliveries.count)
                return deliveries.map { $0.id == "3" ? .failure(Oops()) : .success(.commit) }
            })
        await outcome.come(5)
        #expect(sizes.all.sorted() == [1, 2, 2])
        #expect(
            claims.map { outcome.verdict(on: $0.id) } == ["commit", "commit", "retry", "commit", "commit"])
    }

    @Test("cancels a batch of which one claim is lost, and gives the others back")
    func lossInBatch() async throws {
        let claims = (1...3).map { claim("\($0)") }
        let begun = Gate()
        let outcome = try begin(
            claims,
            many(3) { _ in
                begun.open()
                try await Task.sleep(for: .seconds(3600))
                return []
            })
        try await begun.pass()
        claims[1].update { _ = $0.refused() }
        await outcome.come(3)
        #expect(claims.map { outcome.verdict(on: $0.id) } == ["give back", "nothing", "give back"])
    }

    @Test("fails each message of a batch whose handler throws")
    func failedBatch() async throws {
        let outcome = try begin([claim("1"), claim("2", attempt: 5)], many(10) { _ in throw Oops() })
        await outcome.come(2)
        #expect(outcome.verdict(on: "1") == "retry" && outcome.verdict(on: "2") == "bury: Oops()")
    }
}
