import HoldfastTesting
import RedisLink
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@Suite("Subscriptions")
struct SubscriberTests {
    @Test("a handler hears of the beginning of its subscription and of each message, in order")
    func messages() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                let box = Heard()
                let subscription = try link.subscribe("news", onMessage: box.add)
                try await eventually("it begins") { box.beginnings == 1 }
                for number in 0..<100 {
                    _ = try await link.send(["PUBLISH", "news", RedisArgument(number)])
                    _ = try await link.send(["PUBLISH", "other", "x"])
                }
                try await eventually("all are there") { box.texts.count == 100 }
                #expect(box.texts == (0..<100).map(String.init))
                #expect(box.beginnings == 1)
                subscription.cancel()
            }
        }
    }

    @Test("channels that only look the same are two")
    func lookalikes() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { link in
                let (one, other) = ExactTextTests.lookalikes
                let boxes = [Heard(), Heard()]
                let subscriptions = [
                    try link.subscribe(one, onMessage: boxes[0].add),
                    try link.subscribe(other, onMessage: boxes[1].add),
                ]
                try await eventually("both begin") { boxes.allSatisfy { $0.beginnings == 1 } }
                _ = try await link.send(["PUBLISH", .string(one), "for one"])
                _ = try await link.send(["PUBLISH", .string(other), "for the other"])
                try await eventually("both hear") { boxes.allSatisfy { $0.texts.count == 1 } }
                #expect(boxes.map(\.texts) == [["for one"], ["for the other"]])
                for subscription in subscriptions { subscription.cancel() }
            }
        }
    }

    @Test("after a reconnection all channels are subscribed again, and every handler is told")
    func resubscribes() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let boxes = [Heard(), Heard(), Heard()]
            let subscriptions = [
                try link.subscribe("a", onMessage: boxes[0].add),
                try link.subscribe("a", onMessage: boxes[1].add),
                try link.subscribe("b", onMessage: boxes[2].add),
            ]
            for round in 1...5 {
                try await eventually("each began \(round) times") {
                    boxes.allSatisfy { $0.beginnings == round }
                }
                await server.perform([
                    .reply(RESP2.message("\(round)", channel: "a")),
                    .reply(RESP2.message("\(round)", channel: "b")),
                ])
                try await eventually("each got the message") { boxes.allSatisfy { $0.texts.count == round } }
                await server.perform([.reset])
            }
            #expect(boxes.allSatisfy { $0.texts == ["1", "2", "3", "4", "5"] })
            _ = subscriptions
        }
    }

    @Test("a server that commands are not sent to any more is not listened to any more")
    func unfitServer() async throws {
        let server = try FakeRedisServer { command in
            command.name == "SET"
                ? [.reply(RESP2.error("READONLY You can't write against a read only replica."))] : nil
        }
        try await withLink(server.url) { link in
            let box = Heard()
            let subscription = try link.subscribe("a", onMessage: box.add)
            try await eventually("it begins") { box.beginnings == 1 }
            _ = try? await link.send(["SET", "k", "1"])
            try await eventually("it begins again") { box.beginnings == 2 }
            subscription.cancel()
        }
    }

    @Test("a handler that joins a channel already subscribed is told of its beginning too")
    func joins() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let first = Heard()
            let second = Heard()
            let one = try link.subscribe("a", onMessage: first.add)
            try await eventually("the first begins") { first.beginnings == 1 }
            let two = try link.subscribe("a", onMessage: second.add)
            try await eventually("the second begins") { second.beginnings == 1 }
            #expect(server.received("SUBSCRIBE").count == 1)
            #expect(first.beginnings == 1)
            _ = (one, two)
        }
    }

    @Test("a cancelled subscription hears nothing more; its channel is left with the last of them")
    func cancel() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let first = Heard()
            let second = Heard()
            let one = try link.subscribe("a", onMessage: first.add)
            let two = try link.subscribe("a", onMessage: second.add)
            try await eventually("both begin") { first.beginnings == 1 && second.beginnings == 1 }
            one.cancel()
            one.cancel()
            await server.perform([.reply(RESP2.message("m", channel: "a"))])
            try await eventually("the second hears") { second.texts == ["m"] }
            #expect(first.texts.isEmpty)
            #expect(server.received("UNSUBSCRIBE").isEmpty)
            two.cancel()
            try await eventually("the channel is left") { server.received("UNSUBSCRIBE").count == 1 }
            let three = try link.subscribe("a", onMessage: first.add)
            try await eventually("it begins again") { first.beginnings == 2 }
            _ = three
        }
    }

    @Test("a subscription that is only dropped ends like a cancelled one")
    func dropped() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let box = Heard()
            var subscription: RedisSubscription? = try link.subscribe("a", onMessage: box.add)
            try await eventually("it begins") { box.beginnings == 1 }
            _ = subscription
            subscription = nil
            try await eventually("the channel is left") { server.received("UNSUBSCRIBE").count == 1 }
        }
    }

    @Test("a message of any bytes comes through, and garbage makes a new connection")
    func bytes() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let box = Mutex<[[UInt8]]>([])
            let subscription = try link.subscribe("a") { message in box.withLock { $0.append(message) } }
            try await eventually("it begins") { box.withLock { $0.count } == 1 }
            let odd: [UInt8] = [0, 13, 10, 255]
            await server.perform([
                .reply(RESP2.array([RESP2.bulk("message"), RESP2.bulk("a"), RESP2.bulk(odd)]))
            ])
            try await eventually("it is there") { box.withLock { $0 } == [[], odd] }
            await server.perform([.reply(Array("garbage\r\n".utf8))])
            try await eventually("it begins again") { box.withLock { $0 } == [[], odd, []] }
            _ = subscription
        }
    }

    @Test("closing the link ends its subscriptions, and later ones are refused")
    func closed() async throws {
        let server = try FakeRedisServer()
        let link = try makeLink(server.url)
        let box = Heard()
        let subscription = try link.subscribe("a", onMessage: box.add)
        try await eventually("it begins") { box.beginnings == 1 }
        await link.close()
        try await eventually("no connection is left") { server.open == 0 }
        let error = #expect(throws: RedisError.self) { try link.subscribe("a", onMessage: box.add) }
        #expect(error?.code == .closed)
        subscription.cancel()
    }

    @Test("commands go on while the subscriber's connection is down, and the other way round")
    func independent() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            try await link.connect()
            let box = Heard()
            let subscription = try link.subscribe("a", onMessage: box.add)
            try await eventually("it begins") { box.beginnings == 1 }
            let connection = try #require(server.received("SUBSCRIBE").first?.connection)
            await server.perform([.reset], on: connection)
            try await expectInStep(link)
            #expect(server.received("ECHO").allSatisfy { $0.connection == 0 })
            await server.perform([.reset], on: 0)
            try await eventually("it begins again") { box.beginnings == 2 }
            try await eventually("commands go on") { (try? await link.send(["PING"])) != nil }
            try await expectInStep(link)
            _ = subscription
        }
    }

    @Test("a channel that is refused does not keep others from being heard, and what passes is asked again")
    func refusedChannels() async throws {
        let refusals = Mutex(["busy": 2])
        let server = try FakeRedisServer { command in
            guard command.name == "SUBSCRIBE" else { return nil }
            if command.words[1] == "forbidden" {
                return [.reply(RESP2.error("NOPERM No permissions to access a channel"))]
            }
            let left = refusals.withLock { refusals in
                let left = refusals[command.words[1]] ?? 0
                refusals[command.words[1]] = max(left - 1, 0)
                return left
            }
            return left > 0 ? [.reply(RESP2.error("BUSY a script runs"))] : nil
        }
        let told = Record<String>()
        let configuration = try RedisConfiguration(url: server.url)
        let link = try RedisLink(configuration, logger: .recording(told))
        let heard = ["forbidden", "busy", "free"].map { ($0, Heard()) }
        let subscriptions = try heard.map { name, heard in
            try link.subscribe(name) { heard.add($0) }
        }
        try await eventually("the others are listened to") {
            heard[1].1.beginnings == 1 && heard[2].1.beginnings == 1
        }
        #expect(heard[0].1.beginnings == 0)
        #expect(server.received("SUBSCRIBE").count { $0.words[1] == "busy" } == 3)
        #expect(server.received("SUBSCRIBE").count { $0.words[1] == "forbidden" } == 1)
        #expect(told.all.contains { $0.contains("forbidden") && $0.contains("NOPERM") })
        #expect(server.accepted == 1)
        for subscription in subscriptions { subscription.cancel() }
        await link.close()
    }

    @Test("a connection that cannot be made is told of once")
    func outage() async throws {
        let server = try FakeRedisServer(onConnect: { number in
            number == 0 ? [] : [.reply(RESP2.error("ERR max number of clients reached")), .close]
        })
        let told = Record<String>()
        let link = try RedisLink(RedisConfiguration(url: server.url), logger: .recording(told))
        try await link.connect()
        let subscription = try link.subscribe("a") { _ in }
        try await eventually("it was tried again and again") { server.accepted > 4 }
        #expect(told.all.count { $0.contains("max number of clients") } == 1)
        subscription.cancel()
        await link.close()
    }
}
