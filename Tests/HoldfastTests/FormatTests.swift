import RedisLink
import Testing

@testable import Holdfast

@Suite("The format of a namespace")
struct FormatTests {
    @Test("is marked by its first client, and refused by name where it is not known", arguments: Backend.all)
    func unknown(backend: Backend) async throws {
        try await withHoldfast(on: backend) { first, instances in
            _ = try await first.tryAcquire("a")
            #expect(try await first.redis("GET", "t:format").string == "1")
            try await first.redis("SET", "t:format", "2")

            let second = try client(of: instances)
            let error = await #expect(throws: HoldfastError.self) { try await second.tryAcquire("b") }
            await second.close()
            #expect(error?.code == .unknownFormat)
            #expect(error?.mayHaveHappened == false)
            #expect(error?.message.contains("t:format holds the format 2") == true)
            #expect(try await first.redis("EXISTS", "t:{b}:lock", "t:{b}:fence").integer == 0)
            try await first.redis("SET", "t:format", "1")
        }
    }
}
