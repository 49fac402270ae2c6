import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("Pipelining")
struct PipeliningTests {
    @Test("each of many tasks gets its own reply, whatever its size", arguments: Transport.allCases)
    func ownReplies(transport: Transport) async throws {
        let server = try FakeRedisServer(transport)
        try await withLink(server.url) { link in
            try await echo(tasks: 64, commands: 40, largest: 3000, on: link)
            #expect(server.accepted == 1, "all tasks share one connection")
        }
    }

    @Test("replies that arrive in small pieces belong to the same tasks", arguments: [1, 7, 100])
    func pieces(size: Int) async throws {
        let server = try FakeRedisServer { command in [.slices(command.plainReply, of: size)] }
        try await withLink(server.url) { link in
            try await echo(tasks: 16, commands: 10, largest: 200, on: link)
        }
    }

    @Test("requests and replies that are larger than every buffer on the way come through")
    func large() async throws {
        let server = try FakeRedisServer(.tcp)
        try await withLink(server.url) { link in
            try await echo(tasks: 6, commands: 2, largest: 3 << 20, smallest: 1 << 20, on: link)
        }
    }

    @Test("a real server agrees, over a unix socket and over TCP", arguments: Transport.allCases)
    func realServer(transport: Transport) async throws {
        let options = PrivateRedisServer.Options(transport: transport == .unix ? .unix : .tcp)
        try await withPrivateRedisServer(options) { server in
            try await withLink(server.url) { link in
                try await echo(tasks: 64, commands: 40, largest: 3000, on: link)
            }
        }
    }

    @Test("commands of one task in one turn leave in the order they were sent")
    func order() async throws {
        let server = try FakeRedisServer { command in command.name == "N" ? [.reply(RESP2.ok)] : nil }
        try await withLink(server.url) { link in
            try await link.connect()
            await withTaskGroup { group in
                let connection = link.connection
                group.addTask { await connection.sendNumbers(1000) }
            }
            try await eventually("all commands arrived") { server.received("N").count == 1000 }
            #expect(server.received("N").map { $0.words[1] } == (0..<1000).map(String.init))
        }
    }

    /// Echoes random bytes from many tasks and compares.
    private func echo(tasks: Int, commands: Int, largest: Int, smallest: Int = 0, on link: RedisLink)
        async throws
    {
        try await withThrowingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(task))
                    for command in 0..<commands {
                        let size = Int.random(in: smallest...largest, using: &random)
                        // The task's and the command's number, so that no two payloads are alike.
                        var bytes = Array("\(task)/\(command)/".utf8)
                        bytes += Array(repeating: UInt8.random(in: 0...255, using: &random), count: size)
                        let reply = try await link.send(["ECHO", .bytes(bytes)])
                        #expect(reply.value.bytes == bytes, "task \(task), command \(command), \(size) bytes")
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

extension RedisConnection {
    fileprivate func sendNumbers(_ count: Int) {
        for number in 0..<count {
            send(["N", RedisArgument(number)]) { _ in }
        }
    }
}
