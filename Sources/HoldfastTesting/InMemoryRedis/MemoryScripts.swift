/// Runs the scripts of an ``InMemoryRedis`` on its keys.
final class MemoryScripts {
    private let store: MemoryStore
    private var scripts: [String: LuaPrototype] = [:]

    init(_ store: MemoryStore) { self.store = store }

    /// Runs a script by its digest; nil if the digest is not known.
    func run(digest: String, _ arguments: ArraySlice<[UInt8]>) throws(MemoryError) -> MemoryReply? {
        guard let script = scripts[digest] else { return nil }
        return try run(script, arguments)
    }

    func run(_ source: [UInt8], digest: String, _ arguments: ArraySlice<[UInt8]>) throws(MemoryError)
        -> MemoryReply
    {
        let script: LuaPrototype
        do throws(LuaError) {
            script = try LuaParser.parse(source)
        } catch {
            throw MemoryError(error.text)
        }
        scripts[digest] = script
        return try run(script, arguments)
    }

    func forget() { scripts = [:] }

    /// - Parameter arguments: the number of keys, the keys, and the other arguments.
    private func run(_ script: LuaPrototype, _ arguments: ArraySlice<[UInt8]>) throws(MemoryError)
        -> MemoryReply
    {
        guard let text = arguments.first?.asText, let count = Int(text), (0..<arguments.count).contains(count)
        else {
            throw .noInteger
        }
        let rest = arguments.dropFirst().map { LuaValue.string($0) }
        var globals = LuaLibrary.globals()
        globals["KEYS"] = .table(LuaTable(Array(rest.prefix(count))))
        globals["ARGV"] = .table(LuaTable(Array(rest.dropFirst(count))))
        globals["redis"] = .table(commands())
        do {
            let answer = try store.withTimeStopped { try LuaInterpreter(globals: globals).run(script) }
            return Self.reply(answer)
        } catch let error as LuaError {
            throw MemoryError(error.text)
        } catch {
            throw MemoryError("ERR \(error)")
        }
    }

    private func commands() -> LuaTable {
        let redis = LuaTable()
        redis["call"] = .function(
            LuaFunction { [store] arguments in
                do throws(MemoryError) {
                    return [Self.value(try store.perform(try Self.words(arguments)))]
                } catch {
                    throw LuaError(reply: error.text)
                }
            })
        redis["pcall"] = .function(
            LuaFunction { [store] arguments in
                do throws(MemoryError) {
                    return [Self.value(try store.perform(try Self.words(arguments)))]
                } catch {
                    return [Self.failure(error.text)]
                }
            })
        redis["error_reply"] = .function(
            LuaFunction { arguments in [Self.failure(arguments.first?.asBytes?.asText ?? "ERR")] })
        return redis
    }

    private static func failure(_ text: String) -> LuaValue {
        let table = LuaTable()
        table["err"] = .text(text)
        return .table(table)
    }

    private static func words(_ arguments: [LuaValue]) throws(MemoryError) -> [[UInt8]] {
        try arguments.map { argument throws(MemoryError) in
            switch argument {
            case .string(let bytes): return bytes
            case .number(let number): return Array(LuaNumber.argument(number).utf8)
            default:
                throw MemoryError("ERR Lua redis lib command arguments must be strings or integers")
            }
        }
    }

    // MARK: What goes in and out

    private static func value(_ reply: MemoryReply) -> LuaValue {
        switch reply {
        case .status(let text):
            let table = LuaTable()
            table["ok"] = .text(text)
            return .table(table)
        case .integer(let number): return .number(Double(number))
        case .bulk(let bytes): return .string(bytes)
        case .null: return .boolean(false)
        case .array(let elements): return .table(LuaTable(elements.map(value)))
        case .error(let text): return failure(text)
        }
    }

    private static func reply(_ value: LuaValue) -> MemoryReply {
        switch value {
        case .none, .boolean(false), .function: return .null
        case .boolean(true): return .integer(1)
        case .number(let number): return .count(LuaNumber.whole(number))
        case .string(let bytes): return .bulk(bytes)
        case .table(let table):
            if case .string(let text) = table["err"] { return .error(text.asText) }
            if case .string(let text) = table["ok"] { return .status(text.asText) }
            return .array(table.array.prefix { $0 != .none }.map(reply))
        }
    }
}
