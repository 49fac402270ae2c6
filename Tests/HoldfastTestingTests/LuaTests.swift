import Testing

@testable import HoldfastTesting

@Suite("The language of scripts, in memory")
struct LuaTests {
    /// What a script returns, as text.
    private func run(_ source: String) throws -> String {
        let script = try LuaParser.parse(Array(source.utf8))
        return Self.text(try LuaInterpreter(globals: LuaLibrary.globals()).run(script))
    }

    private static func text(_ value: LuaValue) -> String {
        guard case .table(let table) = value else { return value.asBytes?.asText ?? "\(value)" }
        return "{\(table.array.map(text).joined(separator: " "))}"
    }

    @Test(
        "computes what it is said to",
        arguments: [
            ("return 1 + 2 * 3 ^ 2 % 5", "4"), ("return 2 ^ 3 ^ 2", "512"), ("return -2 ^ 2", "-4"),
            ("return 'a' .. 1 .. 2.5", "a12.5"), ("return '10' + 5", "15"), ("return #'abc' + #{1, 2}", "5"),
            ("return 1 == '1' and 'same' or 'different'", "different"), ("return 'a' < 'b'", "boolean(true)"),
            ("return not nil == true", "boolean(true)"), ("return 7 % -3", "-2"),
            ("return math.min(math.huge, 3)", "3"), ("return 1e15", "1e+15"),
            ("return 123456789012345", "1.2345678901234e+14"), ("return {1, 2, nil, 4}", "{1 2}"),
        ])
    func expressions(source: String, result: String) throws {
        #expect(try run(source) == result)
    }

    @Test("knows where it assigns to before it assigns anything, and sorts texts by their bytes")
    func assignments() throws {
        #expect(try run("local l = {1} l[#l + 1], l[#l + 2] = 2, 3 return l") == "{1 2 3}")
        #expect(try run("local i, l = 1, {1, 2} i, l[i] = 2, 5 return l") == "{5 2}")
        #expect(try run("local l = {'b', '10', '9', 'a'} table.sort(l) return l") == "{10 9 a b}")
        #expect(throws: LuaError.self) { try run("local l = {1} table.sort(l) return l") }
    }

    @Test("keeps the variables of each turn of a loop apart for the functions made in it")
    func closures() throws {
        #expect(
            try run(
                """
                local all = {}
                for i = 1, 3 do
                  local x = i * 10
                  all[i] = function() x = x + 1 return x end
                end
                all[1]()
                return {all[1](), all[2](), all[3]()}
                """) == "{12 21 31}")
    }

    @Test("lets functions share what they captured, through several levels, and call themselves")
    func captures() throws {
        #expect(
            try run(
                """
                local count = 0
                local function outer()
                  local function inner(n)
                    if n == 0 then return end
                    count = count + n
                    inner(n - 1)
                  end
                  inner(3)
                end
                outer()
                outer()
                return count
                """) == "12")
    }

    @Test("passes several values where the language does, and one in brackets")
    func multipleValues() throws {
        #expect(
            try run(
                """
                local function two() return 1, 2 end
                local function all(...) return {...} end
                local a, b, c = two()
                return all(two(), two(), (two()), a, b, c == nil and 'nil')
                """) == "{1 1 1 1 2 nil}")
        #expect(try run("local t = {9, unpack({1, 2, 3}, 2)} return t") == "{9 2 3}")
    }

    @Test("finds patterns with classes, sets, captures and anchors")
    func patterns() throws {
        #expect(try run("return {string.match('12-345', '^(%d+)-(%d+)$')}") == "{12 345}")
        #expect(try run("return string.match('abc:def', '^[^:]*')") == "abc")
        #expect(try run("return string.match('h17', '^[hl]?')") == "h")
        #expect(try run("return string.match('7', '^[hl]?')") == "")
        #expect(try run("return string.match('x', '%d') == nil") == "boolean(true)")
        #expect(
            try run(
                "return {string.match('1 tick 2 x y 3 who it is', '^(%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (.*)$')}"
            )
                == "{1 tick 2 x y 3 who it is}")
        #expect(try run("return {string.find('a.b', '.', 1, true)}") == "{2 2}")
    }

    @Test("formats numbers and cuts texts")
    func library() throws {
        #expect(
            try run("return string.format('%06d|%.0f|%016.0f', '42', 1.5e12, 7)")
                == "000042|1500000000000|0000000000000007")
        #expect(
            try run("return string.sub('abcdef', -3) .. string.sub('abc', 2, 2) .. string.sub('abc', 5)")
                == "defb")
        #expect(try run("return tonumber('ff', 16) + tonumber('8')") == "263")
        #expect(try run("return tonumber('x') == nil and tonumber('') == nil") == "boolean(true)")
        #expect(try run("local t = setmetatable({}, {__index = {a = 1}}) t.b = t.a return t.b + #t") == "1")
        #expect(try run("local t = {1, 2} table.insert(t, 1, 0) return table.concat(t, ',')") == "0,1,2")
        #expect(try run("local n = 0 for k, v in pairs({5, a = 6}) do n = n + v end return n") == "11")
    }

    @Test(
        "refuses what it does not know, instead of guessing",
        arguments: [
            "return x", "x = 1", "repeat until true", "return ('a'):upper()", "return 1 < 'a'",
            "return {} .. ''",
            "return string.gsub('a', 'a', 'b')", "return string.match('a', '%w')", "return nil + 1", "if",
            "local 1",
            "return #nil", "return string.match('a', '(')",
        ])
    func refusals(source: String) {
        #expect(throws: (any Error).self) { try run(source) }
    }
}
