package import Logging
import RedisLink

/// Something that happened in a client, for its ``Observers``. Each part has its own type of event, beside
/// the code in which it happens; an observer picks events by their type.
package protocol HoldfastEvent: Sendable {
    /// The level at which it is logged.
    var level: Logger.Level { get }
    /// The message that is logged.
    var words: String { get }
    /// The metadata of the log line, beside the instance.
    var metadata: Logger.Metadata { get }
}

extension HoldfastEvent {
    package var metadata: Logger.Metadata { [:] }
}

/// Something that an inspection found and could not read: it returns the rest.
struct LeftOut: HoldfastEvent {
    let words: String
    var level: Logger.Level { .error }
}

extension LinkEvent: HoldfastEvent {}
