import HoldfastTesting
import RedisTestRig
import TestSupport
import Testing

@testable import RedisLink

@Suite("Cancellation")
struct CancellationTests {
    @Test("a task that is cancelled already sends nothing")
    func before() async throws {
        let server = try FakeRedisServer()
        try await withLink(server.url) { link in
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return await failure { try await link.send(["SET", "a", "b"]) }
            }
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.delivery == .notDelivered)
            try await expectInStep(link)
            #expect(server.received("SET").isEmpty)
        }
    }

    @Test("a command that waits for a connection is withdrawn, and those around it are not")
    func waiting() async throws {
        let server = try FakeRedisServer { command in command.name == "PING" ? [] : nil }
        try await withLink(server.url) { link in
            let first = Task { try await link.send(["ECHO", "first"]) }
            let task = Task { await failure { try await link.send(["SET", "a", "b"]) } }
            let last = Task { try await link.send(["ECHO", "last"]) }
            try await eventually("it connects") { server.received("PING").count == 1 }
            await link.connection.turn()
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.delivery == .notDelivered)
            await server.perform([.reply(RESP2.status("PONG"))])
            let replies = try await [first.value.value.string, last.value.value.string]
            #expect(replies == ["first", "last"])
            #expect(server.received("SET").isEmpty)
        }
    }

    @Test("a command in flight is unknown; its reply is dropped and the next command gets its own")
    func inFlight() async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        try await withLink(server.url) { link in
            try await link.connect()
            for round in 1...20 {
                let task = Task { await failure { try await link.send(["SLOW"]) } }
                try await eventually("it arrived") { server.received("SLOW").count == round }
                task.cancel()
                let error = await task.value
                #expect(error?.code == .cancelled)
                #expect(error?.delivery == .unknown)
                await server.perform([.reply(RESP2.bulk("too late"))])
                try await expectInStep(link)
            }
            #expect(server.accepted == 1, "a cancellation closes nothing")
        }
    }

    @Test(
        "cancellations that race with their replies disturb nobody: 4,000 of them",
        arguments: Transport.allCases)
    func race(transport: Transport) async throws {
        let server = try FakeRedisServer(transport)
        try await withLink(server.url) { link in
            try await link.connect()
            let cancelled = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var random = SeededGenerator(seed: UInt64(worker))
                        var cancelled = 0
                        for round in 0..<250 {
                            let text = "\(worker)/\(round)"
                            let task = Task { try await link.send(["ECHO", .string(text)]) }
                            for _ in 0..<Int.random(in: 0..<12, using: &random) { await Task.yield() }
                            task.cancel()
                            // A neighbour that is not cancelled, right behind it.
                            let neighbour = try await link.send(["ECHO", .string("next to \(text)")])
                            #expect(neighbour.value.string == "next to \(text)")
                            switch await task.result {
                            case .success(let reply):
                                #expect(reply.value.string == text)
                            case .failure(let error):
                                #expect((error as? RedisError)?.code == .cancelled)
                                cancelled += 1
                            }
                        }
                        return cancelled
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect((1..<2000).contains(cancelled), "of 2,000, \(cancelled) were cancelled: it was a race")
            #expect(server.accepted == 1)
            try await expectInStep(link)
        }
    }

    @Test("a task that waits for the connection can be cancelled, and the link goes on connecting")
    func connect() async throws {
        let server = try FakeRedisServer { command in command.name == "PING" ? [] : nil }
        try await withLink(server.url) { link in
            let task = Task { await failure { try await link.connect() } }
            let other = Task { try await link.connect() }
            try await eventually("it connects") { server.received("PING").count == 1 }
            await link.connection.turn()
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.delivery == .notDelivered)
            await server.perform([.reply(RESP2.status("PONG"))])
            try await other.value
            #expect(server.accepted == 1)
        }
    }
}
