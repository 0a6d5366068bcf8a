#include "src/model/option_fields.h"

#include <algorithm>
#include <array>

#include "src/model/limits.h"
#include "src/model/option_kinds.h"

namespace onelane::inline v0::model {

namespace {

// What a field is called, and what it is for.
struct Said {
  std::string_view name;
  std::string_view member;
  std::string_view help;
};

template <class Kind>
constexpr std::span<const std::string_view> choices_of() {
  if constexpr (requires { Kind::kNames; }) {
    return Kind::kNames;
  } else {
    return {};
  }
}

// The member at the end of a path of members.
template <auto... path, class Options>
auto& at(Options& options) {
  return (options.*....*path);
}

template <class Kind, class Options, auto... path>
constexpr Field<Options> field(const Said& said) {
  return {.name = said.name,
          .member = said.member,
          .help = said.help,
          .unit = Kind::unit(),
          .choices = choices_of<Kind>(),
          .limits = &Kind::limits,
          .expected = &Kind::expected,
          .read =
              [](std::string_view text, Options& options) {
                auto value = Kind::read(text);
                if (!value || !Kind::allowed(*value)) return false;
                at<path...>(options) = std::move(*value);
                return true;
              },
          .print = [](const Options& options) { return Kind::print(at<path...>(options)); },
          .allowed = [](const Options& options) { return Kind::allowed(at<path...>(options)); }};
}

template <class Kind, auto... path>
constexpr ClassField of_class(const Said& said) {
  return field<Kind, ClassOptions, path...>(said);
}

template <class Kind, auto... path>
constexpr JournalField of_journal(const Said& said) {
  return field<Kind, JournalOptions, path...>(said);
}

using AnyTime = Time<0, kDurationMax.count()>;

using C = ClassOptions;
constexpr std::array kClassFields{
    of_class<Count<std::uint64_t, 1, kTickRecordsMax>, &C::guarantee, &Guarantee::records>(
        {"guarantee.records", "guarantee.records",
         "rows that the class gets in every tick in which it has any, whatever the others want"}),
    of_class<Size<1, kTickBytesMax>, &C::guarantee, &Guarantee::bytes>(
        {"guarantee.bytes", "guarantee.bytes", "the same in bytes of rows"}),
    of_class<Count<std::uint64_t, 0, kTickRecordsMax>, &C::budget, &Budget::records>(
        {"budget.records", "budget.records",
         "at most this many rows of a tick go to the class; 0: the tick's own"}),
    of_class<Size<0, kTickBytesMax>, &C::budget, &Budget::bytes>(
        {"budget.bytes", "budget.bytes", "the same in bytes of rows"}),
    of_class<Time<0, kHoldMax.count()>, &C::budget, &Budget::hold>(
        {"budget.hold", "budget.hold", "the same in time of the lane"}),
    of_class<Count<std::uint32_t, 1, kWeightMax>, &C::weight>(
        {"weight", "weight",
         "share of what the guarantees leave, against the weights of other classes"}),
    of_class<AnyTime, &C::max_delay>(
        {"max-delay", "max_delay",
         "how long a unit may wait, as far as planning can see to it; 0: no limit"}),
    of_class<AnyTime, &C::gather>(
        {"gather", "gather",
         "how long a tick may wait to take more at once; 0: a lone write commits at once"}),
    of_class<AnyTime, &C::interval>(
        {"interval", "interval",
         "at least this long from one tick that takes units of the class to the next; not above "
         "max-delay, if there is one; 0: none"}),
    of_class<Count<std::uint64_t, 1, kCapacityRecordsMax>, &C::capacity_records>(
        {"capacity-records", "capacity_records", "rows that may be queued"}),
    of_class<Size<kCapacityBytesMin, kCapacityBytesMax>, &C::capacity_bytes>(
        {"capacity-bytes", "capacity_bytes", "memory that what is queued may take"}),
    of_class<Choice<WhenFull>, &C::when_full>(
        {"when-full", "when_full",
         "what a push to the full class does: wait for room, fail, or drop the oldest unit"}),
    of_class<AnyTime, &C::block_timeout>(
        {"block-timeout", "block_timeout", "how long a push waits for room, with when-full=block"}),
    of_class<Switch, &C::coalesce>(
        {"coalesce", "coalesce", "whether a newer record of a key takes the place of the older"}),
    of_class<Choice<Promise>, &C::promise>(
        {"promise", "promise",
         "what a push waits for that does not say; journaled needs an intake"}),
    of_class<Switch, &C::intake>(
        {"intake", "intake",
         "whether units are written to the intake, and synced there, before a tick takes them"}),
};

using J = JournalOptions;
using I = IntakeOptions;
using T = TraceOptions;
constexpr std::array kJournalFields{
    of_journal<Mode, &J::file_mode>(
        {"file-mode", "file_mode", "permissions of the database's file, if it is made"}),
    of_journal<OrUsual<Count<std::uint64_t, 1, kTickRecordsMax>, kDefaultTick.records>, &J::tick,
               &Budget::records>({"tick.records", "tick.records", "rows in one tick"}),
    of_journal<OrUsual<Size<kTickBytesMin, kTickBytesMax>, kDefaultTick.bytes>, &J::tick,
               &Budget::bytes>({"tick.bytes", "tick.bytes", "bytes of rows in one tick"}),
    of_journal<OrUsual<Time<kHoldMin.count(), kHoldMax.count()>, kDefaultTick.hold.count()>,
               &J::tick, &Budget::hold>(
        {"tick.hold", "tick.hold",
         "the longest planned hold: longer gives more throughput, and everybody waits longer"}),
    of_journal<Percent, &J::commit_percent>(
        {"commit-percent", "commit_percent",
         "how much of a tick the fixed part of its commit may take; 0: ticks up to tick.hold"}),
    of_journal<Choice<Synchronous>, &J::synchronous>(
        {"synchronous", "synchronous",
         "normal: commits are made durable beside the next ticks; full: each when it returns; "
         "paranoid: the same, padded to a sector's end"}),
    of_journal<Choice<Drive>, &J::drive>(
        {"drive", "drive",
         "whose threads run the ticks: the journal's own, or those that call tick()"}),
    of_journal<Switch, &J::callers_commit>(
        {"callers-commit", "callers_commit",
         "whether a waiting caller may run a tick while the lane is idle"}),
    of_journal<AnyTime, &J::close_timeout>(
        {"close-timeout", "close_timeout", "how long the destructor drains"}),
    of_journal<Switch, &J::foreign_keys>(
        {"foreign-keys", "foreign_keys", "whether SQLite enforces foreign keys"}),
    of_journal<Size<kWalLimitMin, kWalLimitMax>, &J::wal_limit_bytes>(
        {"wal-limit", "wal_limit_bytes", "how large SQLite's log may become"}),
    of_journal<Size<0, kWalLimitMax>, &J::ballast_bytes>(
        {"ballast", "ballast_bytes",
         "size of a file that is given up when the disk is full; 0: none"}),
    of_journal<OptionalTable, &J::watermark_table>(
        {"watermark-table", "watermark_table",
         "a table that keeps the number of the newest commit"}),
    of_journal<Folder, &J::intake, &I::folder>(
        {"intake.folder", "intake.folder",
         "where the intake's files are; empty: beside the database, with -intake after its name"}),
    of_journal<Size<kSegmentBytesMin, kSegmentBytesMax, kIntakeBlockBytes>, &J::intake,
               &I::segment_bytes>(
        {"intake.segment", "intake.segment_bytes", "size of one of the intake's files"}),
    of_journal<Size<2 * kSegmentBytesMin, kWalLimitMax>, &J::intake, &I::most_bytes>(
        {"intake.most", "intake.most_bytes",
         "size of all of the intake's files; at least two of intake.segment"}),
    of_journal<Table, &J::intake, &I::positions>(
        {"intake.positions", "intake.positions", "a table that says how far classes are applied"}),
    of_journal<OptionalTable, &J::intake, &I::dead_letters>(
        {"intake.dead-letters", "intake.dead_letters",
         "a table for journaled units that the database refused; a class with an intake needs it"}),
    of_journal<Choice<IntakeMismatch>, &J::intake, &I::on_mismatch>(
        {"intake.on-mismatch", "intake.on_mismatch",
         "what opening does where the intake and the database do not fit together"}),
    of_journal<File, &J::trace, &T::path>(
        {"trace.path", "trace.path",
         "a new file that records what was pushed, and the ticks; empty: none"}),
    of_journal<Size<kTraceBytesMin, kTraceBytesMax>, &J::trace, &T::most_bytes>(
        {"trace.most", "trace.most_bytes", "size at which the recording ends"}),
};

// A rule about several fields; nullopt where it is kept.
template <class Options>
using Rule = std::optional<Complaint> (*)(const Options&);

std::optional<Complaint> interval_fits(const ClassOptions& options) {
  if (options.max_delay == Duration(0) || options.interval <= options.max_delay) return {};
  return Complaint{{"interval", "max-delay"},
                   "interval is " + duration_text(options.interval) + "; it must be at most " +
                       duration_text(options.max_delay) + ", as max-delay is"};
}

std::optional<Complaint> promise_fits(const ClassOptions& options) {
  if (options.intake || options.promise != Promise::journaled) return {};
  return Complaint{{"promise", "intake"},
                   "promise is journaled; it must be committed or durable, or intake on"};
}

std::optional<Complaint> when_full_fits(const ClassOptions& options) {
  if (!options.intake || options.when_full != WhenFull::drop_oldest) return {};
  return Complaint{{"when-full", "intake"},
                   "when-full is drop-oldest; it must be block or reject with an intake, which "
                   "drops nothing that it has written"};
}

std::optional<Complaint> segments_fit(const JournalOptions& options) {
  const IntakeOptions& intake = options.intake;
  if (intake.most_bytes >= 2 * intake.segment_bytes) return {};
  return Complaint{{"intake.most", "intake.segment"},
                   "intake.most is " + size_text(intake.most_bytes) + "; it must be at least " +
                       size_text(2 * intake.segment_bytes) + ", two of intake.segment"};
}

std::optional<Complaint> tables_differ(const JournalOptions& options) {
  const IntakeOptions& intake = options.intake;
  if (intake.positions != intake.dead_letters) return {};
  return Complaint{{"intake.dead-letters", "intake.positions"},
                   "intake.dead-letters is " + intake.dead_letters +
                       "; it must be another table than intake.positions"};
}

constexpr std::array<Rule<ClassOptions>, 3> kClassRules{interval_fits, promise_fits,
                                                        when_full_fits};
constexpr std::array<Rule<JournalOptions>, 2> kJournalRules{segments_fit, tables_differ};

template <class Options>
std::optional<Complaint> complaint(const Options& options, std::span<const Rule<Options>> rules) {
  for (const Field<Options>& field : fields_of(options)) {
    if (field.allowed(options)) continue;
    const std::string value = field.print(options);
    return Complaint{{field.name},
                     std::string(field.name) + " is " + (value.empty() ? "empty" : value) +
                         "; it must be " + field.limits()};
  }
  for (const Rule<Options>& rule : rules) {
    if (std::optional<Complaint> found = rule(options)) return found;
  }
  return {};
}

template <class Options>
const Field<Options>* find(const Options& options, std::string_view name) {
  const auto fields = fields_of(options);
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace

std::span<const ClassField> fields_of(const ClassOptions&) { return kClassFields; }
std::span<const JournalField> fields_of(const JournalOptions&) { return kJournalFields; }

const ClassField* find_field(const ClassOptions& options, std::string_view name) {
  return find(options, name);
}

const JournalField* find_field(const JournalOptions& options, std::string_view name) {
  return find(options, name == kTickAlias ? kTickAliasFor : name);
}

std::optional<Complaint> complaint_of(const ClassOptions& options) {
  return complaint<ClassOptions>(options, kClassRules);
}

std::optional<Complaint> complaint_of(const JournalOptions& options) {
  return complaint<JournalOptions>(options, kJournalRules);
}

Status check_class_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (!name.empty() && name.size() <= kNameCharsMax &&
      name.find_first_not_of(kLetters) == std::string_view::npos) {
    return {};
  }
  return {Errc::invalid_argument, "class name \"" + std::string(name) + "\": it must be 1 to " +
                                      std::to_string(kNameCharsMax) +
                                      " characters of a-z, 0-9, _ and -"};
}

}  // namespace onelane::inline v0::model
