extension LuaParser {
    mutating func expressions() throws(LuaError) -> [LuaExpression] {
        var all = [try expression()]
        while try skip(",") { all.append(try expression()) }
        return all
    }

    mutating func expression(above limit: Int = 0) throws(LuaError) -> LuaExpression {
        var left = try unary()
        while case .sign(let sign) = token, let kind = LuaExpression.Operator(rawValue: sign),
            kind.binding.left > limit
        {
            let line = line
            try advance()
            left = .binary(kind, left, try expression(above: kind.binding.right), line: line)
        }
        return left
    }

    private mutating func unary() throws(LuaError) -> LuaExpression {
        let line = line
        if try skip("not") { return .not(try expression(above: LuaExpression.unaryBinding)) }
        if try skip("-") { return .minus(try expression(above: LuaExpression.unaryBinding), line: line) }
        if try skip("#") { return .length(try expression(above: LuaExpression.unaryBinding), line: line) }
        return try simple()
    }

    private mutating func simple() throws(LuaError) -> LuaExpression {
        switch token {
        case .number(let number):
            try advance()
            return .constant(.number(number))
        case .string(let bytes):
            try advance()
            return .constant(.string(bytes))
        case .sign("nil"), .sign("true"), .sign("false"):
            let value: LuaValue = token == .sign("nil") ? .none : .boolean(token == .sign("true"))
            try advance()
            return .constant(value)
        case .sign("..."):
            try advance()
            return .varargs
        case .sign("function"):
            try advance()
            return .function(try functionBody())
        case .sign("{"): return try table()
        default: return try suffixed()
        }
    }

    /// A variable or a parenthesised expression, with the indexes and calls that follow it.
    mutating func suffixed() throws(LuaError) -> LuaExpression {
        var value: LuaExpression
        if try skip("(") {
            value = .single(try expression())
            try expect(")")
        } else {
            value = .variable(function.find(try name()))
        }
        while true {
            let line = line
            if try skip(".") {
                value = .index(value, .constant(.text(try name())))
            } else if try skip("[") {
                value = .index(value, try expression())
                try expect("]")
            } else if try skip("(") {
                let arguments = token == .sign(")") ? [] : try expressions()
                try expect(")")
                value = .call(value, arguments, line: line)
            } else {
                return value
            }
        }
    }

    private mutating func table() throws(LuaError) -> LuaExpression {
        try expect("{")
        var items: [LuaExpression] = []
        var fields: [(LuaExpression, LuaExpression)] = []
        while token != .sign("}") {
            if try skip("[") {
                let key = try expression()
                try expect("]")
                try expect("=")
                fields.append((key, try expression()))
            } else if case .name(let name) = token {
                // Only the token after it distinguishes a field from a value.
                let before = self
                try advance()
                if try skip("=") {
                    fields.append((.constant(.text(name)), try expression()))
                } else {
                    self = before
                    items.append(try expression())
                }
            } else {
                items.append(try expression())
            }
            if try !skip(",") { break }
        }
        try expect("}")
        return .table(items, fields)
    }
}
