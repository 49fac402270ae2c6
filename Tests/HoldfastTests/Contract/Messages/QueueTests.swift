import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A queue")
struct QueueTests {
    @Test("tells what it holds, and is listed by name", arguments: Backend.all)
    func stats(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            try await holdfast.queue("b/{x}", of: String.self).send("one", id: "1")
            let queue = holdfast.queue("a", of: String.self)
            try await queue.send(contentsOf: (1...6).map { ("\($0)", "m") })
            let bench = try QueueBench(holdfast, "a")
            let claims = try await bench.claim(4).claims
            _ = try await bench.settle([
                (claims[0], .commit), (claims[1], .retry(after: .seconds(60))),
                (claims[2], .bury(reason: "bad")),
            ])
            #expect(try await eventually { try await holdfast.queues().count == 2 })
            let queues = try await holdfast.queues()
            #expect(queues.map(\.name) == ["a", "b/{x}"])
            #expect(queues[0].ready == 2 && queues[0].inFlight == 1)
            #expect(queues[0].delayed == 1 && queues[0].dead == 1)
            #expect(try #require(queues[0].oldestAge) < .seconds(60))
            #expect(queues[1].ready == 1)
        }
    }

    @Test(
        "is listed beside what cannot be the name of one, which is left out and told", arguments: Backend.all)
    func names(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let long = String(repeating: "x", count: 600)
            for name in [.string("b"), "", .string(long), .string("a"), .bytes([0x63, 0xFF])]
                as [RedisArgument]
            {
                try await holdfast.redis("SADD", "t:queues", name)
            }
            let names = try await holdfast.queueNames()
            #expect(names.usable == ["a", "b"])
            #expect(names.unusable == [[], [0x63, 0xFF], Array(long.utf8)])
            #expect(try await holdfast.queues().map(\.name) == ["a", "b"])
        }
    }

    @Test("refuses an id that is empty or too long before it sends anything", arguments: Backend.all)
    func ids(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queue = holdfast.queue("q", of: String.self)
            for id in ["", String(repeating: "x", count: 513)] {
                let error = await #expect(throws: HoldfastError.self) {
                    try await queue.send(contentsOf: [(id: "fine", message: "m"), (id: id, message: "m")])
                }
                #expect(error?.code == .invalidArgument)
            }
            let stats = try await queue.status()
            #expect(stats.ready == 0)
        }
    }

    @Test("says that a message may be in it when the reply is lost, and takes it once when it is sent again")
    func unknownOutcome() async throws {
        try await withPrivateRedisServer { server in
            let holdfast = try client(of: server, commandTimeout: .milliseconds(200))
            let queue = holdfast.queue("q", of: String.self)
            try await queue.send("warm", id: "warm")
            try await server.pause()
            let error = await #expect(throws: HoldfastError.self) { try await queue.send("m", id: "a") }
            #expect(error?.code == .unknownOutcome && error?.mayHaveHappened == true)
            try await server.resume()
            #expect(
                await eventually {
                    do { return try await queue.send("m", id: "a") == .duplicate } catch { return false }
                })
            #expect(try await queue.status().ready == 2)
            await holdfast.close()
        }
    }
}
