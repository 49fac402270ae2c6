package import Logging
import RedisLink

/// Something that happened in a client, for its ``Observers``. Each part has its own type of event, beside the code in
/// which it happens, so that who watches for one asks for its type.
package protocol HoldfastEvent: Sendable {
    /// How loudly the log tells of it.
    var level: Logger.Level { get }
    /// What the log tells.
    var words: String { get }
    /// What the line of the log is about, beside the instance.
    var metadata: Logger.Metadata { get }
}

extension HoldfastEvent {
    package var metadata: Logger.Metadata { [:] }
}

/// Something that an inspection found and could not read: it tells of the rest.
struct LeftOut: HoldfastEvent {
    let words: String
    var level: Logger.Level { .error }
}

extension LinkEvent: HoldfastEvent {}
