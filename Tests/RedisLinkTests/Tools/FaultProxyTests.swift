import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

/// What the proxy does, seen from both of its sides.
@Suite("The fault proxy")
struct FaultProxyTests {
    /// A link to a played server with a proxy between, which has these rules.
    private func through(
        _ rules: [FaultRule], _ transport: Transport = .unix, seed: UInt64 = 0,
        _ body: (RedisLink, FaultProxy, FakeRedisServer) async throws -> Void
    ) async throws {
        let server = try FakeRedisServer(transport) { command in
            switch command.name {
            case "GET", "SET": [.reply(RESP2.bulk(command.words[1]))]
            default: nil
            }
        }
        let proxy = try FaultProxy(to: server.url, transport, seed: seed, rules: rules)
        try await withLink(proxy.url) { link in
            try await link.connect()
            try await body(link, proxy, server)
        }
    }

    private func get(_ keys: [String], on link: RedisLink, timeout: Duration? = nil) async throws -> Outcomes
    {
        let outcomes = Outcomes()
        await link.connection.sendAll(keys.map { ["GET", .string($0)] }, to: outcomes, timeout: timeout)
        try await eventually("all ended") { outcomes.ended.count == keys.count }
        return outcomes
    }

    private func text(_ value: RedisValue?) -> String? { value?.string }

    @Test("without a rule everything passes", arguments: Transport.allCases)
    func passes(transport: Transport) async throws {
        try await through([], transport) { link, proxy, server in
            let outcomes = try await get((0..<100).map(String.init), on: link)
            #expect((0..<100).allSatisfy { text(outcomes.values[$0]) == String($0) })
            let large = RedisArgument(Array(repeating: 0, count: 1 << 20))
            #expect(try await link.send(["ECHO", large]).value.bytes?.count == 1 << 20)
            #expect(proxy.log.isEmpty)
            #expect(server.accepted == 1 && proxy.accepted == 1)
        }
    }

    @Test("a dropped request is not executed, a dropped reply was")
    func drop() async throws {
        for direction in FaultDirection.allCases {
            let rule = FaultRule(direction, of: "SET", .call(1), [.drop, .reset])
            try await through([rule]) { link, proxy, server in
                let error = await failure { try await link.send(["SET", "a"]) }
                #expect(error?.delivery == .unknown)
                #expect(server.received("SET").count == (direction == .request ? 0 : 1))
                #expect(proxy.log.map(\.action) == [.drop, .reset])
                #expect(proxy.log.map(\.command) == ["SET", "SET"])
                #expect(proxy.log.map(\.direction) == [direction, direction])
                #expect(proxy.log[0].at <= proxy.log[1].at)
                try await expectInStep(link)
            }
        }
    }

    @Test("a duplicated request is executed twice and answered once")
    func duplicate() async throws {
        try await through([FaultRule(.request, of: "SET", .call(1), [.duplicate])]) { link, _, server in
            let reply = try await link.send(["SET", "a"])
            #expect(reply.value.string == "a")
            try await expectInStep(link)
            #expect(server.received("SET").count == 2)
            #expect(server.accepted == 1)
        }
    }

    @Test("two swapped replies change places")
    func swap() async throws {
        try await through([FaultRule(.reply, of: "GET", .call(2), [.swap])]) { link, _, _ in
            let outcomes = try await get(["a", "b", "c", "d"], on: link)
            #expect((0..<4).map { text(outcomes.values[$0]) } == ["a", "c", "b", "d"])
        }
    }

    @Test("an injected reply is one too many, a replaced one is another")
    func injectAndReplace() async throws {
        let rules = [
            FaultRule(.reply, of: "GET", .call(1), [.replace(RESP2.error("OOM"))]),
            FaultRule(.reply, of: "GET", .call(2), [.inject(RESP2.ok)]),
        ]
        try await through(rules) { link, proxy, server in
            let outcomes = try await get(["a", "b"], on: link)
            #expect(outcomes.all.map(\.replyKind) == ["OOM"])
            #expect(text(outcomes.values[1]) == "b")
            try await eventually("the connection is closed") { proxy.accepted == 2 }
            try await expectInStep(link)
        }
    }

    @Test("a delay holds its direction back and not the other")
    func delay() async throws {
        try await through([FaultRule(.reply, of: "GET", .call(1), [.delay(.milliseconds(80))])]) {
            link, _, server in
            let outcomes = Outcomes()
            await link.connection.sendAll([["GET", "a"], ["GET", "b"]], to: outcomes)
            try await eventually("both requests passed") { server.received("GET").count == 2 }
            try await eventually("both replies come") { outcomes.values.count == 2 }
            #expect(outcomes.ended == [0, 1])
        }
    }

    @Test("slices change nothing but the pieces")
    func slices() async throws {
        let rules = FaultDirection.allCases.map { FaultRule($0, of: nil, .always, [.slices(of: 1)]) }
        try await through(rules, .tcp) { link, _, _ in
            let outcomes = try await get((0..<20).map(String.init), on: link)
            #expect((0..<20).allSatisfy { text(outcomes.values[$0]) == String($0) })
        }
    }

    @Test("behind a black hole of requests nothing is executed; of replies, it is and nobody hears")
    func blackHole() async throws {
        for direction in FaultDirection.allCases {
            try await through([]) { link, proxy, server in
                proxy.perform([.blackHole(direction)])
                try await eventually("it is there") { proxy.log.count == 1 }
                let error = await failure { try await link.send(["SET", "a"], timeout: .milliseconds(50)) }
                #expect(error?.code == .timeout)
                #expect(error?.delivery == .unknown)
                #expect(server.received("SET").count == (direction == .request ? 0 : 1))
            }
        }
    }

    @Test("a half-closed side hears the end, and the other goes on")
    func halfClose() async throws {
        try await through([FaultRule(.reply, of: "GET", .call(1), [.halfClose])]) { link, proxy, server in
            let reply = try await link.send(["GET", "a"])
            #expect(reply.value.string == "a")
            try await eventually("the link has noticed") { proxy.accepted == 2 }
            try await expectInStep(link)
        }
    }

    @Test("refused connections are ended at once, and let through again")
    func refuse() async throws {
        try await through([]) { link, proxy, server in
            proxy.refuseConnections(true)
            proxy.perform([.close])
            try await eventually("attempts are refused") { proxy.accepted >= 3 }
            #expect(server.accepted == 1)
            proxy.refuseConnections(false)
            try await eventually("it comes back") { (try? await link.send(["PING"])) != nil }
        }
    }

    @Test("calls are counted by rule; new rules count from the beginning")
    func counting() async throws {
        let error = RESP2.error("HIT x")
        try await through([FaultRule(.reply, of: "get", .every(3), [.replace(error)])]) { link, proxy, _ in
            let first = try await get((0..<9).map(String.init), on: link)
            #expect((0..<9).filter { first.values[$0] == nil } == [2, 5, 8])
            proxy.setRules([FaultRule(.reply, of: "GET", .call(1), [.replace(error)])])
            let second = try await get(["a", "b"], on: link)
            #expect((0..<2).filter { second.values[$0] == nil } == [0])
        }
    }

    @Test("chance is a function of the seed")
    func chance() async throws {
        var hits: [[Int]] = []
        for seed: UInt64 in [1, 1, 2] {
            let rule = FaultRule(.reply, of: "GET", .chance(0.3), [.replace(RESP2.error("HIT x"))])
            try await through([rule], seed: seed) { link, _, _ in
                let outcomes = try await get((0..<200).map(String.init), on: link)
                hits.append((0..<200).filter { outcomes.values[$0] == nil })
            }
        }
        #expect(hits[0] == hits[1])
        #expect(hits[0] != hits[2])
        #expect(hits.allSatisfy { (30...90).contains($0.count) })
    }

    @Test("a subscription passes, and its messages are known as such")
    func messages() async throws {
        let rule = FaultRule(
            .reply, of: "MESSAGE", .call(1), [.replace(RESP2.message("other", channel: "a"))])
        try await through([rule]) { link, proxy, server in
            let heard = Heard()
            let subscription = try link.subscribe("a") { heard.add($0) }
            try await eventually("it begins") { heard.all == [""] }
            let connection = try #require(server.received("SUBSCRIBE").first?.connection)
            await server.perform([.reply(RESP2.message("first", channel: "a"))], on: connection)
            await server.perform([.reply(RESP2.message("second", channel: "a"))], on: connection)
            try await eventually("they come") { heard.all == ["", "other", "second"] }
            subscription.cancel()
        }
    }
}
