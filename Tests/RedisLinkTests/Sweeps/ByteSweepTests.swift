import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

/// Cuts commands after every byte of their request and of their reply, between a link and a real server.
///
/// After each cut: the error says what the link can know, the server has executed what it must have, and the
/// next commands of the same link are in step.
@Suite("The byte sweep")
struct ByteSweepTests {
    /// How a connection is cut.
    enum Cut: CaseIterable {
        case close
        case reset

        var transport: Transport { self == .close ? .unix : .tcp }

        func actions(after bytes: Int) -> [FaultAction] {
            self == .close ? [.cut(after: bytes)] : [.cut(after: bytes), .reset]
        }
    }

    /// A command, its reply, and how its effect shows.
    struct Shape: Sendable, CustomStringConvertible {
        var words: [String]
        var reply: [UInt8]
        var value: RedisValue
        /// The command that shows whether it was executed, and what it says then.
        var probe: RedisCommand
        var executed: RedisValue

        var description: String { words[0] }
        var name: String { words[0] }
        var request: [UInt8] { RESP2.command(words) }
    }

    private static let script = RedisScript(
        name: "sweep",
        source: "redis.call('SET', KEYS[1], ARGV[1]); return {KEYS[1], {ARGV[1], 7}, false, {}}")

    /// The shapes, on a key of their own.
    static func shapes(_ key: String) -> [Shape] {
        let odd = "a\r\n$-1\r\n\u{0}"
        return [
            Shape(
                words: ["SET", key, odd], reply: RESP2.ok, value: .status("OK"),
                probe: ["GET", .string(key)],
                executed: .bytes(Array(odd.utf8))),
            Shape(
                words: ["INCR", key], reply: RESP2.integer(1), value: .integer(1),
                probe: ["GET", .string(key)],
                executed: .bytes(Array("1".utf8))),
            Shape(
                words: ["EVALSHA", script.digest, "1", key, odd],
                reply: RESP2.array([
                    RESP2.bulk(key), RESP2.array([RESP2.bulk(odd), RESP2.integer(7)]), RESP2.null,
                    RESP2.array([]),
                ]),
                value: .array([
                    .bytes(Array(key.utf8)), .array([.bytes(Array(odd.utf8)), .integer(7)]), .null,
                    .array([]),
                ]),
                probe: ["GET", .string(key)], executed: .bytes(Array(odd.utf8))),
            Shape(
                words: ["GETSET", key, odd], reply: RESP2.null, value: .null, probe: ["GET", .string(key)],
                executed: .bytes(Array(odd.utf8))),
        ]
    }

    private struct Place: Sendable {
        var shape: Shape
        var direction: FaultDirection
        var bytes: Int
        var whole: Int
    }

    @Test("every byte of a request and of a reply", arguments: Cut.allCases)
    func singleCommands(cut: Cut) async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { direct in
                _ = try await direct.send(["SCRIPT", "LOAD", .string(Self.script.source)])
                // The keys are all of one length, so that the shapes of one key tell the number of points.
                var places: [Place] = []
                for index in Self.shapes("key:0000").indices {
                    for direction in FaultDirection.allCases {
                        let shape = Self.shapes("key:0000")[index]
                        let whole = (direction == .request ? shape.request : shape.reply).count
                        for bytes in 0...whole {
                            let key = "key:" + String(10_000 + places.count).dropFirst()
                            let shape = Self.shapes(key)[index]
                            places.append(
                                Place(shape: shape, direction: direction, bytes: bytes, whole: whole))
                        }
                    }
                }
                try await forEachConcurrently(places) { place in
                    try await sweep(place, cut, server: server.unixURL, direct: direct)
                }
                print("byte sweep, \(cut): \(places.count) points")
                #expect(places.count > 250)
            }
        }
    }

    private func sweep(_ place: Place, _ cut: Cut, server: String, direct: RedisLink) async throws {
        let shape = place.shape
        let comment: Comment =
            "\(shape.name): \(place.direction) cut after \(place.bytes) of \(place.whole) bytes"
        let rule = FaultRule(place.direction, of: shape.name, .call(1), cut.actions(after: place.bytes))
        let proxy = try FaultProxy(to: server, cut.transport, rules: [rule])
        try await withLink(proxy.url) { link in
            let result = await outcome { () throws(RedisError) in
                try await link.send(RedisCommand(shape.words.map { RedisArgument(Array($0.utf8)) }))
            }
            let executed = try await direct.send(shape.probe).value == shape.executed
            switch (result, place.direction) {
            case (.success(let reply), _):
                // A reset may overtake the last bytes, a close does not.
                #expect(place.direction == .reply && place.bytes == place.whole, comment)
                #expect(reply.value == shape.value, comment)
                #expect(executed, comment)
            case (.failure(let error), let direction):
                #expect(error.code == .connectionLost, comment)
                #expect(error.delivery == .unknown, comment)
                if direction == .reply {
                    #expect(executed, comment)
                    #expect(place.bytes < place.whole || cut == .reset, comment)
                } else if place.bytes < place.whole {
                    #expect(!executed, comment)
                }
            }
            // A link whose last reply came whole may not know yet that its connection is gone.
            try await eventually("the link has connected again") { proxy.accepted > 1 }
            try await expectInStep(link)
            let probe = try await link.send(shape.probe).value
            let after = try await direct.send(shape.probe).value
            #expect(probe == after, comment)
        }
        #expect(!proxy.log.isEmpty, comment)
    }

    @Test("every byte of a pipeline: what stands in front is answered, what stands behind is unknown")
    func pipeline() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { direct in
                let request = RESP2.command(["INCR", "key:0000:b"]).count
                let reply = RESP2.integer(1).count
                let places =
                    (0..<request).map { (FaultDirection.request, $0) }
                    + (0..<reply).map { (FaultDirection.reply, $0) }
                try await forEachConcurrently(Array(places.enumerated())) { index, place in
                    let (direction, bytes) = place
                    let comment: Comment = "\(direction) of the second cut after \(bytes) bytes"
                    let key = "key:" + String(10_000 + index).dropFirst()
                    let rule = FaultRule(direction, of: "INCR", .call(2), [.cut(after: bytes)])
                    let proxy = try FaultProxy(to: server.unixURL, rules: [rule])
                    try await withLink(proxy.url) { link in
                        try await link.connect()
                        let outcomes = Outcomes()
                        let commands = ["a", "b", "c"].map {
                            RedisCommand(["INCR", RedisArgument("\(key):\($0)")])
                        }
                        await link.connection.sendAll(commands, to: outcomes)
                        try await eventually("all ended") { outcomes.ended.count == 3 }
                        // The end of the connection may overtake the first reply, where it does not come
                        // behind it.
                        if direction == .reply || !outcomes.values.isEmpty {
                            #expect(outcomes.values == [0: .integer(1)], comment)
                        }
                        #expect(outcomes.deliveries.allSatisfy { $0 == .unknown }, comment)
                        try await expectInStep(link)
                        let executed: [Int64?] = direction == .reply ? [1, 1, 1] : [1, nil, nil]
                        try await eventually("\(direction) cut after \(bytes): what was whole is executed") {
                            let keys = ["a", "b", "c"].map { RedisArgument("\(key):\($0)") }
                            return try await direct.send(RedisCommand(["MGET"] + keys)).value.array?.map(
                                \.integer)
                                == executed
                        }
                    }
                }
                print("byte sweep of a pipeline: \(places.count) points")
            }
        }
    }

    @Test("every byte of the greeting: the link gets through, and never as somebody else or elsewhere")
    func greeting() async throws {
        var options = PrivateRedisServer.Options()
        options.configuration = ["requirepass pw"]
        try await withPrivateRedisServer(options) { server in
            let commands = [["AUTH", "pw"], ["SELECT", "3"], ["CLIENT", "SETNAME", "sweep"]]
            var places: [(command: String, direction: FaultDirection, bytes: Int)] = []
            for words in commands {
                for bytes in 0..<RESP2.command(words).count { places.append((words[0], .request, bytes)) }
                for bytes in 0..<RESP2.ok.count { places.append((words[0], .reply, bytes)) }
            }
            try await forEachConcurrently(Array(places.enumerated())) { index, place in
                let comment: Comment = "\(place.command): \(place.direction) cut after \(place.bytes) bytes"
                let rule = FaultRule(place.direction, of: place.command, .call(1), [.cut(after: place.bytes)])
                let proxy = try FaultProxy(to: server.unixURL, rules: [rule])
                let url = proxy.url.replacing("://", with: "://:pw@") + "?db=3"
                try await withLink(url, { $0.clientName = "sweep" }) { link in
                    let connect = await failure { try await link.connect() }
                    #expect(connect?.code == .connectFailed, comment)
                    #expect(connect?.delivery == .notDelivered, comment)
                    _ = try await link.send(["SET", .string("key:\(index)"), "1"])
                    let name = try await link.send(["CLIENT", "GETNAME"])
                    #expect(name.value.string == "sweep", comment)
                    try await expectInStep(link)
                }
            }
            try await withLink(server.url(database: 3).replacing("://", with: "://:pw@")) { direct in
                let keys = try await direct.send(["DBSIZE"])
                #expect(keys.value.integer == Int64(places.count), "all in the database that was asked for")
            }
            print("byte sweep of the greeting: \(places.count) points")
        }
    }

    @Test("every byte of a subscription and of a message: the handler is told again, and hears what follows")
    func subscription() async throws {
        try await withPrivateRedisServer { server in
            try await withLink(server.url) { direct in
                let messages: [(command: String, direction: FaultDirection, frame: [UInt8])] = [
                    ("SUBSCRIBE", .request, RESP2.command(["SUBSCRIBE", "c0000"])),
                    ("SUBSCRIBE", .reply, RESP2.subscribed(to: "c0000")),
                    ("MESSAGE", .reply, RESP2.message("first", channel: "c0000")),
                ]
                let places = messages.flatMap { message in
                    message.frame.indices.map { (message.command, message.direction, $0) }
                }
                try await forEachConcurrently(Array(places.enumerated())) { index, place in
                    let (command, direction, bytes) = place
                    let channel = "c" + String(10_000 + index).dropFirst()
                    let rule = FaultRule(direction, of: command, .call(1), [.cut(after: bytes)])
                    let proxy = try FaultProxy(to: server.unixURL, rules: [rule])
                    try await withLink(proxy.url) { link in
                        let heard = Heard()
                        let subscription = try link.subscribe(channel) { heard.add($0) }
                        if command == "MESSAGE" {
                            try await eventually("it begins") { heard.all == [""] }
                            _ = try await direct.send(["PUBLISH", .string(channel), "first"])
                        }
                        let beginnings = command == "MESSAGE" ? ["", ""] : [""]
                        try await eventually("\(command) cut after \(bytes): it begins again") {
                            heard.all == beginnings
                        }
                        _ = try await direct.send(["PUBLISH", .string(channel), "second"])
                        try await eventually("\(command) cut after \(bytes): it hears") {
                            heard.all == beginnings + ["second"]
                        }
                        subscription.cancel()
                    }
                }
                print("byte sweep of a subscription: \(places.count) points")
            }
        }
    }
}
