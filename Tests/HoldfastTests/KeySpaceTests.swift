import Testing

@testable import Holdfast

@Suite("The names of the keys")
struct KeySpaceTests {
    let keys: KeySpace

    init() throws {
        keys = try KeySpace(namespace: "shop")
    }

    @Test("carry the name as their hash tag")
    func form() throws {
        #expect(try keys.lock("invoice-42") == "shop:{invoice-42}:lock")
        #expect(try keys.fence("invoice-42") == "shop:{invoice-42}:fence")
    }

    @Test(
        "differ for different names, and give the name back",
        arguments: [
            "a", "a b", "a%20b", "{", "}", "{}", "a}:lock", "é", "e\u{301}", "\n", "\0", "*?[]", "a:b", "%",
        ])
    func injective(name: String) throws {
        let key = try keys.lock(name)
        let tag = try #require(key.firstIndex(of: "{"))
        let end = try #require(key[tag...].firstIndex(of: "}"))
        #expect(key[key.index(after: end)...] == ":lock", "the hash tag ends before the name does")
        #expect(keys.name(inKey: key, part: "lock").map { Array($0.utf8) } == Array(name.utf8))
    }

    @Test(
        "give a name back that begins or ends with what combines with its neighbour",
        arguments: ["\u{301}", "\u{301}a", "a\u{200D}"])
    func combining(name: String) throws {
        let found = keys.name(inKey: try keys.lock(name), part: "lock")
        #expect(found.map { Array($0.utf8) } == Array(name.utf8))
    }

    @Test("are told apart where locks are listed, though they look the same")
    func lookalikes() async throws {
        try await withHoldfast { holdfast, _ in
            let names = ["é", "e\u{301}", "\u{301}"]
            var leases: [Lease] = []
            for name in names { leases.append(try await holdfast.acquire(name)) }
            let listed = try await holdfast.locks().map { Array($0.name.utf8) }
            #expect(Set(listed) == Set(names.map { Array($0.utf8) }))
            for lease in leases { try await lease.release() }
        }
    }

    @Test("are refused where they are empty or too long")
    func limits() throws {
        #expect(throws: HoldfastError.self) { try keys.lock("") }
        #expect(throws: HoldfastError.self) { try keys.lock(String(repeating: "a", count: 513)) }
        #expect(throws: HoldfastError.self) { try keys.lock(String(repeating: " ", count: 171)) }
        #expect(
            try keys.lock(String(repeating: "a", count: 512)).utf8.count == 512 + "shop:{}:lock".utf8.count)
        #expect(throws: HoldfastError.self) { try KeySpace(namespace: "") }
    }

    @Test("of another namespace or part are not taken for ours")
    func foreignKeys() {
        #expect(keys.name(inKey: "shop:{a}:fence", part: "lock") == nil)
        #expect(keys.name(inKey: "shop2:{a}:lock", part: "lock") == nil)
        #expect(keys.name(inKey: "shop:{}:lock", part: "lock") == nil)
        #expect(keys.name(inKey: "shop:{%4}:lock", part: "lock") == nil)
    }
}
