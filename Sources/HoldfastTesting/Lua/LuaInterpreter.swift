/// Runs a script in as much of Lua 5.1 as the scripts of this project use. Anything else is an error, not a
/// guess.
final class LuaInterpreter {
    /// A variable, which functions may share.
    private final class Cell {
        var value: LuaValue
        init(_ value: LuaValue) { self.value = value }
    }

    /// A running function.
    private final class Frame {
        var slots: [Cell?]
        let captured: [Cell]
        let more: [LuaValue]

        init(slots: Int, captured: [Cell], more: [LuaValue]) {
            self.slots = Array(repeating: nil, count: slots)
            self.captured = captured
            self.more = more
        }
    }

    private enum Flow {
        case next
        case leaveLoop
        case giveBack([LuaValue])
    }

    private var globals: [String: LuaValue]
    /// The variables of local functions, which may refer to themselves.
    private var functions: [Cell] = []

    init(globals: [String: LuaValue]) { self.globals = globals }

    func run(_ script: LuaPrototype) throws -> LuaValue {
        // There is no garbage collector: cycles are broken up here.
        defer { for function in functions { function.value = .none } }
        return try call(script, captured: [], []).first ?? .none
    }

    private func call(_ prototype: LuaPrototype, captured: [Cell], _ arguments: [LuaValue]) throws
        -> [LuaValue]
    {
        let count = prototype.parameters.count
        let frame = Frame(
            slots: prototype.slots, captured: captured,
            more: prototype.takesMore ? Array(arguments.dropFirst(count)) : [])
        for (index, slot) in prototype.parameters.enumerated() {
            frame.slots[slot] = Cell(index < arguments.count ? arguments[index] : .none)
        }
        guard case .giveBack(let values) = try run(prototype.body, frame) else { return [] }
        return values
    }

    // MARK: Statements

    private func run(_ statements: [LuaStatement], _ frame: Frame) throws -> Flow {
        for statement in statements {
            let flow = try run(statement, frame)
            if case .next = flow { continue }
            return flow
        }
        return .next
    }

    private func run(_ statement: LuaStatement, _ frame: Frame) throws -> Flow {
        switch statement {
        case .local(let slots, let expressions):
            declare(slots, try values(expressions, frame), frame)
        case .localFunction(let slot, let prototype):
            let cell = Cell(.none)
            frame.slots[slot] = cell
            cell.value = closure(prototype, frame)
            functions.append(cell)
        case .assign(let targets, let expressions, let line):
            let values = try values(expressions, frame)
            // All targets are evaluated before any assignment: `list[#list + 1], list[#list + 2] = a, b` adds
            // two.
            let places: [(LuaTable, LuaValue)?] =
                try targets.count == 1 ? [nil] : targets.map { try place($0, frame, line) }
            for (index, target) in targets.enumerated() {
                let value = index < values.count ? values[index] : .none
                if let (table, key) = places[index] {
                    table[key] = value
                } else {
                    try assign(target, value, frame, line)
                }
            }
        case .call(let expression): _ = try values(of: expression, frame)
        case .condition(let cases, let otherwise):
            for (condition, body) in cases where try value(condition, frame).isTrue {
                return try run(body, frame)
            }
            return try run(otherwise, frame)
        case .loopWhile(let condition, let body):
            while try value(condition, frame).isTrue {
                if let flow = try turn(body, frame) { return flow }
            }
        case .loopCount(let slot, let first, let last, let step, let body, let line):
            let bounds = try [first, last, step ?? .constant(.number(1))].map { expression in
                guard let number = try value(expression, frame).asNumber else {
                    throw LuaError("'for' limits must be numbers", line: line)
                }
                return number
            }
            for number in stride(from: bounds[0], through: bounds[1], by: bounds[2]) {
                frame.slots[slot] = Cell(.number(number))
                if let flow = try turn(body, frame) { return flow }
            }
        case .loopEach(let slots, let expressions, let body, let line):
            let parts = try values(expressions, frame)
            guard parts.count >= 2, case .function(let iterator) = parts[0] else {
                throw LuaError("a loop works with ipairs or pairs only", line: line)
            }
            var control = parts.count > 2 ? parts[2] : .none
            while true {
                let values = try iterator.call([parts[1], control])
                guard let first = values.first, first != .none else { break }
                control = first
                declare(slots, values, frame)
                if let flow = try turn(body, frame) { return flow }
            }
        case .block(let body): return try run(body, frame)
        case .giveBack(let expressions): return .giveBack(try values(expressions, frame))
        case .leaveLoop: return .leaveLoop
        }
        return .next
    }

    /// One turn of a loop; nil if the loop continues.
    private func turn(_ body: [LuaStatement], _ frame: Frame) throws -> Flow? {
        switch try run(body, frame) {
        case .next: nil
        case .leaveLoop: .next
        case .giveBack(let values): .giveBack(values)
        }
    }

    private func declare(_ slots: [Int], _ values: [LuaValue], _ frame: Frame) {
        for (index, slot) in slots.enumerated() {
            frame.slots[slot] = Cell(index < values.count ? values[index] : .none)
        }
    }

    private func assign(_ target: LuaExpression, _ value: LuaValue, _ frame: Frame, _ line: Int) throws {
        switch target {
        case .variable(.local(let slot)): frame.slots[slot]?.value = value
        case .variable(.captured(let index)): frame.captured[index].value = value
        case .index:
            if let (table, key) = try place(target, frame, line) { table[key] = value }
        case .variable(.global(let name)):
            throw LuaError("Script attempted to create global variable '\(name)'", line: line)
        default: throw LuaError("this cannot be assigned to", line: line)
        }
    }

    /// The element of a table that is assigned to; nil for a variable.
    private func place(
        _ target: LuaExpression, _ frame: Frame, _ line: Int
    ) throws -> (LuaTable, LuaValue)? {
        guard case .index(let owner, let key) = target else { return nil }
        guard case .table(let table) = try value(owner, frame) else {
            throw LuaError("attempt to index a value that is not a table", line: line)
        }
        return (table, try value(key, frame))
    }

    // MARK: Expressions

    private func values(_ expressions: [LuaExpression], _ frame: Frame) throws -> [LuaValue] {
        var all: [LuaValue] = []
        all.reserveCapacity(expressions.count)
        for (index, expression) in expressions.enumerated() {
            if index == expressions.count - 1, expression.hasManyValues {
                all += try values(of: expression, frame)
            } else {
                all.append(try value(expression, frame))
            }
        }
        return all
    }

    private func values(of expression: LuaExpression, _ frame: Frame) throws -> [LuaValue] {
        switch expression {
        case .varargs: return frame.more
        case .call(let callee, let arguments, let line):
            guard case .function(let function) = try value(callee, frame) else {
                throw LuaError("attempt to call a value that is not a function", line: line)
            }
            return try function.call(try values(arguments, frame))
        default: return [try value(expression, frame)]
        }
    }

    private func value(_ expression: LuaExpression, _ frame: Frame) throws -> LuaValue {
        switch expression {
        case .constant(let value): return value
        case .variable(.local(let slot)): return frame.slots[slot]?.value ?? .none
        case .variable(.captured(let index)): return frame.captured[index].value
        case .variable(.global(let name)):
            guard let value = globals[name] else {
                throw LuaError("Script attempted to access nonexistent global variable '\(name)'")
            }
            return value
        case .varargs, .call: return try values(of: expression, frame).first ?? .none
        case .single(let inner): return try value(inner, frame)
        case .index(let owner, let key):
            guard case .table(let table) = try value(owner, frame) else {
                throw LuaError("attempt to index a value that is not a table")
            }
            return table[try value(key, frame)]
        case .function(let prototype): return closure(prototype, frame)
        case .table(let items, let fields):
            let table = LuaTable()
            for (index, value) in try values(items, frame).enumerated() {
                table[.number(Double(index + 1))] = value
            }
            for (key, field) in fields { table[try value(key, frame)] = try value(field, frame) }
            return .table(table)
        case .not(let inner): return .boolean(try !value(inner, frame).isTrue)
        case .minus(let inner, let line):
            return .number(-(try LuaOperation.number(try value(inner, frame), line)))
        case .length(let inner, let line): return try LuaOperation.length(try value(inner, frame), line)
        case .binary(.and, let left, let right, _):
            let first = try value(left, frame)
            return first.isTrue ? try value(right, frame) : first
        case .binary(.or, let left, let right, _):
            let first = try value(left, frame)
            return first.isTrue ? first : try value(right, frame)
        case .binary(let kind, let left, let right, let line):
            return try LuaOperation.apply(kind, try value(left, frame), try value(right, frame), line)
        }
    }

    private func closure(_ prototype: LuaPrototype, _ frame: Frame) -> LuaValue {
        let captured = prototype.captures.map { capture in
            switch capture {
            case .local(let slot):
                frame.slots[slot] ?? Cell(.none)
            case .captured(let index): frame.captured[index]
            }
        }
        return .function(LuaFunction { [unowned self] in try self.call(prototype, captured: captured, $0) })
    }
}
