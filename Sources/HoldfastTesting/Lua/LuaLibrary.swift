internal import Foundation

/// The functions of the language that scripts may call.
enum LuaLibrary {
    static func globals() -> [String: LuaValue] {
        [
            "ipairs": function { arguments in
                let next = LuaFunction { arguments in
                    guard case .table(let table) = arguments[0], let index = arguments[1].asNumber else {
                        return []
                    }
                    let value = table[.number(index + 1)]
                    return value == .none ? [.none] : [.number(index + 1), value]
                }
                return [.function(next), try .table(table(arguments, 0)), .number(0)]
            },
            "pairs": function { arguments in
                let table = try table(arguments, 0)
                var rest = table.pairs[...]
                let next = LuaFunction { _ in rest.popFirst().map { [$0, $1] } ?? [.none] }
                return [.function(next), .table(table), .none]
            },
            "next": function { arguments in
                guard arguments.count == 1 else { throw LuaError("next with a key is not supported here") }
                return try table(arguments, 0).pairs.first.map { [$0, $1] } ?? [.none]
            },
            "unpack": function { arguments in
                let table = try table(arguments, 0)
                let first = try arguments.count > 1 ? int(arguments, 1) : 1
                let last = try arguments.count > 2 ? int(arguments, 2) : table.count
                return first > last ? [] : (first...last).map { table[.number(Double($0))] }
            },
            "tonumber": function { arguments in
                guard arguments.count > 1 else { return [arguments[0].asNumber.map { .number($0) } ?? .none] }
                guard let text = arguments[0].asBytes,
                    let number = Int(text.asText, radix: try int(arguments, 1))
                else {
                    return [.none]
                }
                return [.number(Double(number))]
            },
            "tostring": function { arguments in
                [arguments[0].asBytes.map { .string($0) } ?? .text(arguments[0].typeName)]
            },
            "type": function { arguments in [.text(arguments[0].typeName)] },
            "setmetatable": function { arguments in
                let table = try table(arguments, 0)
                guard case .table(let fallback) = try LuaLibrary.table(arguments, 1)["__index"] else {
                    throw LuaError("a metatable with anything but a table as __index is not supported here")
                }
                table.fallback = fallback
                return [.table(table)]
            },
            "math": library(
                [
                    "floor": { [.number(try number($0, 0).rounded(.down))] },
                    "abs": { [.number(abs(try number($0, 0)))] },
                    "max": { arguments in
                        [.number(try arguments.indices.map { try number(arguments, $0) }.max() ?? 0)]
                    },
                    "min": { arguments in
                        [.number(try arguments.indices.map { try number(arguments, $0) }.min() ?? 0)]
                    },
                ], constants: ["huge": .number(.infinity)]),
            "table": library([
                "insert": { arguments in
                    let table = try table(arguments, 0)
                    if arguments.count > 2 {
                        table.insert(arguments[2], at: try int(arguments, 1) - 1)
                    } else {
                        table[.number(Double(table.count + 1))] = arguments[1]
                    }
                    return []
                },
                "sort": { arguments in
                    let table = try table(arguments, 0)
                    let texts = table.array.compactMap { value in
                        if case .string(let bytes) = value { bytes } else { [UInt8]?.none }
                    }
                    guard arguments.count == 1, texts.count == table.count else {
                        throw LuaError("sort by a function, or of anything but texts, is not supported here")
                    }
                    for (index, text) in texts.sorted(by: { $0.lexicographicallyPrecedes($1) }).enumerated() {
                        table[.number(Double(index + 1))] = .string(text)
                    }
                    return []
                },
                "concat": { arguments in
                    let parts = try table(arguments, 0).array.map { value in
                        guard let bytes = value.asBytes else {
                            throw LuaError("invalid value in table for 'concat'")
                        }
                        return bytes
                    }
                    return [
                        .string(
                            Array(parts.joined(separator: arguments.count > 1 ? try bytes(arguments, 1) : []))
                        )
                    ]
                },
            ]),
            "cjson": library([
                "encode": { arguments in
                    let texts = try table(arguments, 0).array.map { $0.asBytes?.asText ?? "" }
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = .withoutEscapingSlashes
                    return [.string(Array(try encoder.encode(texts)))]
                }
            ]),
            "string": library([
                "sub": { arguments in
                    let text = try bytes(arguments, 0)
                    let range = try range(arguments, of: text, last: -1)
                    return [.string(Array(text[range]))]
                },
                "byte": { arguments in
                    let text = try bytes(arguments, 0)
                    let index = try arguments.count > 1 ? int(arguments, 1) : 1
                    return text.indices.contains(index - 1) ? [.number(Double(text[index - 1]))] : []
                },
                "rep": { arguments in
                    [
                        .string(
                            Array(
                                repeatElement(try bytes(arguments, 0), count: max(try int(arguments, 1), 0))
                                    .joined()))
                    ]
                },
                "match": { arguments in
                    let text = try bytes(arguments, 0)
                    guard let match = try LuaPattern.first(try bytes(arguments, 1), in: text) else {
                        return [.none]
                    }
                    return match.captures.isEmpty
                        ? [.string(Array(text[match.range]))] : match.captures.map { .string($0) }
                },
                "find": { arguments in
                    guard arguments.count == 4, arguments[3].isTrue else {
                        throw LuaError("string.find for a pattern is not supported here")
                    }
                    let text = try bytes(arguments, 0), wanted = try bytes(arguments, 1)
                    let found = text.dropFirst(try int(arguments, 2) - 1).firstRange(of: wanted)
                    return found.map { [.number(Double($0.lowerBound + 1)), .number(Double($0.upperBound))] }
                        ?? [.none]
                },
                "format": { [.text(try format($0))] },
            ]),
        ]
    }

    private static func function(_ body: @escaping ([LuaValue]) throws -> [LuaValue]) -> LuaValue {
        .function(LuaFunction(body))
    }

    private static func library(
        _ functions: [String: ([LuaValue]) throws -> [LuaValue]], constants: [String: LuaValue] = [:]
    ) -> LuaValue {
        let table = LuaTable()
        for (name, value) in constants { table[name] = value }
        for (name, body) in functions { table[name] = function(body) }
        for (name, value) in constants { table[name] = value }
        return .table(table)
    }

    // MARK: Arguments

    private static func table(_ arguments: [LuaValue], _ index: Int) throws(LuaError) -> LuaTable {
        guard arguments.indices.contains(index), case .table(let table) = arguments[index] else {
            throw LuaError("bad argument #\(index + 1) (table expected)")
        }
        return table
    }

    private static func bytes(_ arguments: [LuaValue], _ index: Int) throws(LuaError) -> [UInt8] {
        guard arguments.indices.contains(index), let bytes = arguments[index].asBytes else {
            throw LuaError("bad argument #\(index + 1) (string expected)")
        }
        return bytes
    }

    private static func number(_ arguments: [LuaValue], _ index: Int) throws(LuaError) -> Double {
        guard arguments.indices.contains(index), let number = arguments[index].asNumber else {
            throw LuaError("bad argument #\(index + 1) (number expected)")
        }
        return number
    }

    private static func int(_ arguments: [LuaValue], _ index: Int) throws(LuaError) -> Int {
        LuaNumber.whole(try number(arguments, index))
    }

    /// A part of a text by its first and last position, which count from the end if they are negative.
    private static func range(
        _ arguments: [LuaValue], of text: [UInt8], last: Int
    ) throws(LuaError) -> Range<Int> {
        func position(_ value: Int) -> Int { value < 0 ? max(text.count + value + 1, 0) : value }
        let first = max(position(try int(arguments, 1)), 1)
        let end = min(position(try arguments.count > 2 ? int(arguments, 2) : last), text.count)
        return first > end ? 0..<0 : (first - 1)..<end
    }

    /// For `%d`, `%f`, `%g`, `%x`, `%s` with flags, width and precision.
    private static func format(_ arguments: [LuaValue]) throws(LuaError) -> String {
        var text = ""
        var next = 1
        var rest = try bytes(arguments, 0).asText[...]
        while let percent = rest.firstIndex(of: "%") {
            text += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            let spec = rest.prefix { "0123456789.-+ #".contains($0) }
            rest = rest[spec.endIndex...]
            switch rest.popFirst() {
            case "%": text += "%"
            case "d":
                text += String(format: "%\(spec)ld", try int(arguments, next))
                next += 1
            case let kind? where "fgx".contains(kind):
                let number = try number(arguments, next)
                text +=
                    kind == "x"
                    ? String(format: "%\(spec)lx", LuaNumber.whole(number))
                    : String(format: "%\(spec)\(kind)", number)
                next += 1
            case "s":
                text += try bytes(arguments, next).asText
                next += 1
            default: throw LuaError("invalid option in 'format'")
            }
        }
        return text + rest
    }
}

extension [UInt8] {
    var asText: String { String(decoding: self, as: UTF8.self) }
}
