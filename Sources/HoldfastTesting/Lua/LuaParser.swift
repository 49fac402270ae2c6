/// Parses a script. Variables are resolved here, not when it runs.
struct LuaParser {
    final class Function {
        let prototype = LuaPrototype()
        let outer: Function?
        var scopes: [[String: Int]] = [[:]]

        init(in outer: Function?) { self.outer = outer }

        func declare(_ name: String) -> Int {
            defer { prototype.slots += 1 }
            scopes[scopes.count - 1][name] = prototype.slots
            return prototype.slots
        }

        func local(_ name: String) -> Int? { scopes.reversed().lazy.compactMap { $0[name] }.first }

        func find(_ name: String) -> LuaVariable {
            if let slot = local(name) { return .local(slot) }
            return capture(name).map { .captured($0) } ?? .global(name)
        }

        private func capture(_ name: String) -> Int? {
            guard let outer else { return nil }
            let source: LuaPrototype.Capture
            switch outer.find(name) {
            case .local(let slot): source = .local(slot)
            case .captured(let index): source = .captured(index)
            case .global: return nil
            }
            prototype.captures.append(source)
            return prototype.captures.count - 1
        }
    }

    private var lexer: LuaLexer
    private(set) var token = LuaLexer.Token.end
    private(set) var line = 1
    private(set) var function = Function(in: nil)

    static func parse(_ source: [UInt8]) throws(LuaError) -> LuaPrototype {
        var parser = LuaParser(lexer: LuaLexer(source))
        try parser.advance()
        parser.function.prototype.body = try parser.block()
        guard parser.token == .end else { throw parser.unexpected() }
        return parser.function.prototype
    }

    private init(lexer: LuaLexer) { self.lexer = lexer }

    // MARK: Words

    mutating func advance() throws(LuaError) {
        token = try lexer.next()
        line = lexer.line
    }

    func unexpected() -> LuaError { LuaError("\(token) is not expected here", line: line) }

    mutating func skip(_ sign: String) throws(LuaError) -> Bool {
        guard token == .sign(sign) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ sign: String) throws(LuaError) {
        guard try skip(sign) else { throw unexpected() }
    }

    mutating func name() throws(LuaError) -> String {
        guard case .name(let name) = token else { throw unexpected() }
        try advance()
        return name
    }

    // MARK: Statements

    private mutating func scope() throws(LuaError) -> [LuaStatement] {
        function.scopes.append([:])
        defer { function.scopes.removeLast() }
        return try block()
    }

    private mutating func block() throws(LuaError) -> [LuaStatement] {
        var statements: [LuaStatement] = []
        while true {
            switch token {
            case .end, .sign("end"), .sign("else"), .sign("elseif"): return statements
            case .sign(";"): try advance()
            default: statements.append(try statement())
            }
        }
    }

    private mutating func statement() throws(LuaError) -> LuaStatement {
        if try skip("local") { return try local() }
        if try skip("if") { return try condition() }
        if try skip("for") { return try loop() }
        if try skip("while") {
            let condition = try expression()
            return .loopWhile(condition, try body())
        }
        if token == .sign("do") { return .block(try body()) }
        if try skip("break") { return .leaveLoop }
        if try skip("return") {
            switch token {
            case .end, .sign("end"), .sign("else"), .sign("elseif"), .sign(";"): return .giveBack([])
            default: return .giveBack(try expressions())
            }
        }
        let line = line
        var targets = [try suffixed()]
        if case .call = targets[0] { return .call(targets[0]) }
        while try skip(",") { targets.append(try suffixed()) }
        try expect("=")
        return .assign(targets, try expressions(), line: line)
    }

    private mutating func body() throws(LuaError) -> [LuaStatement] {
        try expect("do")
        let statements = try scope()
        try expect("end")
        return statements
    }

    private mutating func local() throws(LuaError) -> LuaStatement {
        if try skip("function") {
            let slot = function.declare(try name())
            return .localFunction(slot, try functionBody())
        }
        var names = [try name()]
        while try skip(",") { names.append(try name()) }
        let values = try skip("=") ? try expressions() : []
        return .local(names.map { function.declare($0) }, values)
    }

    private mutating func condition() throws(LuaError) -> LuaStatement {
        var cases: [(LuaExpression, [LuaStatement])] = []
        repeat {
            let condition = try expression()
            try expect("then")
            cases.append((condition, try scope()))
        } while try skip("elseif")
        let otherwise = try skip("else") ? try scope() : []
        try expect("end")
        return .condition(cases, otherwise: otherwise)
    }

    private mutating func loop() throws(LuaError) -> LuaStatement {
        let line = line
        var names = [try name()]
        if try skip("=") {
            let first = try expression()
            try expect(",")
            let last = try expression()
            let step = try skip(",") ? try expression() : nil
            function.scopes.append([:])
            defer { function.scopes.removeLast() }
            let slot = function.declare(names[0])
            return .loopCount(slot, first, last, step, try body(), line: line)
        }
        while try skip(",") { names.append(try name()) }
        try expect("in")
        let values = try expressions()
        function.scopes.append([:])
        defer { function.scopes.removeLast() }
        let slots = names.map { function.declare($0) }
        return .loopEach(slots, values, try body(), line: line)
    }

    mutating func functionBody() throws(LuaError) -> LuaPrototype {
        let inner = Function(in: function)
        function = inner
        try expect("(")
        while token != .sign(")") {
            if try skip("...") {
                inner.prototype.takesMore = true
            } else {
                inner.prototype.parameters.append(inner.declare(try name()))
            }
            if try !skip(",") { break }
        }
        try expect(")")
        inner.prototype.body = try block()
        try expect("end")
        if let outer = inner.outer { function = outer }
        return inner.prototype
    }
}
