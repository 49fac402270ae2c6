import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("A Redis in memory")
struct InMemoryRedisTests {
    @Test("shows what the effects of messages made of their keys")
    func effects() async throws {
        let memory = try InMemoryRedis(logger: .quiet)
        let holdfast = try memory.holdfast()
        let orders = holdfast.queue("orders", of: Order.self)
        holdfast.handle(orders) { order, delivery in
            .commit { effects in
                effects.increment("revenue", by: order.cents)
                effects.increment(field: "count", inHash: "totals")
                effects.add(delivery.id, toSet: "ids")
                effects.append(delivery.id, toList: "log")
                effects.set("last", to: delivery.id)
            }
        }
        try await holdfast.whileRunning {
            try await orders.send(Order(number: 1, cents: 250), id: "o-1")
            try await orders.send(Order(number: 2, cents: 50), id: "o-2")
            #expect(try await orders.isDrained())
        }
        #expect(try await memory.value(at: orders.effectKey("revenue")) == "300")
        #expect(try await memory.fields(at: orders.effectKey("totals")) == ["count": "2"])
        #expect(try await memory.members(at: orders.effectKey("ids")) == ["o-1", "o-2"])
        #expect(try await memory.elements(at: orders.effectKey("log")).count == 2)
        // Of another type, and of none.
        #expect(try await memory.value(at: orders.effectKey("totals")) == nil)
        #expect(await memory.elements(at: "nothing").isEmpty)
    }

    @Test("is apart from any other")
    func apart() async throws {
        let (one, other) = (try Holdfast.inMemory(logger: .quiet), try Holdfast.inMemory(logger: .quiet))
        let lease = try await one.acquire("a")
        let its = try await other.acquire("a")
        #expect(lease.isHeld && its.isHeld)
        try await lease.release()
        try await its.release()
        await one.close()
        await other.close()
    }

    @Test("warns when it is made that it is no server")
    func loud() throws {
        let lines = Record<String>()
        _ = try InMemoryRedis(logger: .recording(lines))
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasPrefix("warning: ") == true)
        #expect(lines.all.first?.contains("memory of this process") == true)
    }

    @Test("lets no key end in the middle of a script")
    func stoppedTime() async throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        let script = """
            local function microseconds() local t = redis.call('TIME'); return t[1] * 1000000 + t[2] end
            local begin, sum = microseconds(), 0
            redis.call('SET', KEYS[1], 'there', 'PX', 1)
            for i = 1, 20000 do sum = sum + i end
            return {redis.call('GET', KEYS[1]), microseconds() - begin}
            """
        let reply = try await holdfast.redis("EVAL", .string(script), "1", "t:{a}:x").array
        #expect(reply == [.bytes(Array("there".utf8)), .integer(0)])
        await holdfast.close()
    }

    @Test("refuses a command that it does not know")
    func unknown() async throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        await #expect(throws: (any Error).self) { try await holdfast.redis("LPOS", "a", "b") }
        await #expect(throws: (any Error).self) { try await holdfast.redis("SET", "a", "b", "EXAT", "1") }
        #expect(try await holdfast.redis("GET", "a").isNull)
        await holdfast.close()
    }
}
