package import RedisLink

/// The numbers that scripts take from the token of their call. Each takes other digits, so that calls about one
/// token differ too.
extension ReplyCheck {
    /// For acquire.lua, and for tick.lua and claim.lua, whose tokens are their own.
    package static func acquiring(_ token: String) -> ReplyCheck { .digits(of: token, before: 0) }
    /// For release.lua and leave.lua.
    package static func releasing(_ token: String) -> ReplyCheck { .digits(of: token, before: 7) }
    /// For renew.lua.
    package static func renewing(_ token: String) -> ReplyCheck { .digits(of: token, before: 14) }
    /// For complete.lua, and for finish.lua, whose tokens are others.
    package static func completing(_ token: String) -> ReplyCheck { .digits(of: token, before: 21) }
}
