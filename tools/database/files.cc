#include "tools/database/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using kit::format_size;
using kit::printable;
using kit::RunError;

constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kPageBytesAt = 16;
constexpr std::size_t kWriteFormatAt = 18;
constexpr std::size_t kReadFormatAt = 19;
constexpr std::size_t kSchemaFormatAt = 44;
constexpr std::size_t kUserVersionAt = 60;
constexpr std::uint32_t kPageBytesMax = 65'536;  // written as 1
constexpr int kFormatMax = 2;
constexpr int kSchemaFormatMax = 4;
constexpr std::uint32_t kUsualPageBytes = 4096;
constexpr std::uint32_t kLargePageBytes = 16'384;

// https://sqlite.org/fileformat2.html#walformat
constexpr std::size_t kLogHeaderBytes = 32;
constexpr std::size_t kLogPageBytesAt = 8;
constexpr std::size_t kLogSaltAt = 16;
constexpr std::size_t kSaltBytes = 8;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::size_t kFrameSaltAt = 8;
constexpr std::uint32_t kLogMagic = 0x377f0682;  // or one more

using Bytes = std::vector<unsigned char>;

std::uint32_t number_at(std::span<const unsigned char> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24U |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8U | bytes[at + 3];
}

std::string system_message(int error) { return std::generic_category().message(error); }

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (file_ >= 0) close(file_);
  }

  bool ok() const noexcept { return file_ >= 0; }
  // As many of them as there are.
  Bytes read(std::uint64_t at, std::size_t count) const {
    Bytes bytes(count);
    const ssize_t got = pread(file_, bytes.data(), count, static_cast<off_t>(at));
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

 private:
  int file_;
};

// Of a regular file; 0 where there is none.
std::uint64_t size_of(const std::filesystem::path& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

bool is_there(const std::filesystem::path& path) {
  struct stat info = {};
  return lstat(path.c_str(), &info) == 0;
}

std::string_view kind(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

DatabaseHeader header_of(std::span<const unsigned char> bytes) {
  const std::uint32_t written =
      static_cast<std::uint32_t>(bytes[kPageBytesAt]) << 8U | bytes[kPageBytesAt + 1];
  return {.page_bytes = written == 1 ? kPageBytesMax : written,
          .write_format = bytes[kWriteFormatAt],
          .read_format = bytes[kReadFormatAt],
          .schema_format = static_cast<int>(
              std::min<std::uint32_t>(number_at(bytes, kSchemaFormatAt), kSchemaFormatMax + 1)),
          .user_version = static_cast<std::int32_t>(number_at(bytes, kUserVersionAt))};
}

// "53 51 4c" and what of it can be read: "SQL".
std::string shown(std::span<const unsigned char> bytes) {
  std::string hex;
  for (const unsigned char byte : bytes)
    hex += fmt::format("{}{:02x}", hex.empty() ? "" : " ", byte);
  return hex;
}

DatabaseHeader read_header(const std::filesystem::path& path) {
  const Reader reader(path);
  if (!reader.ok()) {
    throw RunError(
        fmt::format("{}: cannot be read: {}; run this as the user whose program writes it",
                    printable(path.string()), system_message(errno)));
  }
  const Bytes bytes = reader.read(0, kHeaderBytes);
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), kMagic.size()));
  if (begin != kMagic || bytes.size() < kHeaderBytes) {
    throw RunError(
        fmt::format("{}: is no SQLite database: it begins with {} and not with \"SQLite format "
                    "3\". An encrypted "
                    "one looks like this, too; onelane writes none",
                    printable(path.string()),
                    shown(std::span(bytes).first(std::min<std::size_t>(bytes.size(), 8)))));
  }
  return header_of(bytes);
}

std::filesystem::path real_path(const std::filesystem::path& given) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::canonical(given, error);
  if (!error) return path;
  const bool nothing = error == std::errc::no_such_file_or_directory;
  throw RunError(fmt::format(
      "{}: {}", printable(given.string()),
      nothing ? "there is no such file; a journal makes it when it is opened" : error.message()));
}

Finding links_of(const std::filesystem::path& given, const DatabaseFile& file) {
  struct stat named = {};
  struct stat info = {};
  lstat(given.c_str(), &named);
  stat(file.path.c_str(), &info);
  Finding out{.what = "file",
              .value = fmt::format("{}, {}, mode {:04o}", printable(file.path.string()),
                                   format_size(file.bytes), info.st_mode & 07777U)};
  auto must = [&out](std::string advice) {
    out.verdict = Verdict::must;
    out.advice = std::move(advice);
  };
  if (S_ISLNK(named.st_mode)) {
    must(fmt::format("{} is a link, which a journal refuses: give it the path of the file itself",
                     printable(given.string())));
  } else if (info.st_nlink > 1) {
    must(fmt::format("it has {} hard links, and a log is found by the name: leave it one name",
                     info.st_nlink));
  } else if (geteuid() != 0 && info.st_uid != geteuid()) {
    must(
        fmt::format("it belongs to user {}, and a journal of user {} refuses it: give it to that "
                    "user (chown), or run the program as {}",
                    info.st_uid, geteuid(), info.st_uid));
  } else if (access(file.path.c_str(), W_OK) != 0) {
    must(fmt::format("this user may not write it: {}", system_message(errno)));
  } else if ((info.st_mode & S_IWOTH) != 0) {
    out.verdict = Verdict::note;
    out.advice = "every user may write it: chmod o-w";
  }
  return out;
}

Finding format_of(const DatabaseHeader& header) {
  const bool known = std::max(header.write_format, header.read_format) <= kFormatMax &&
                     header.schema_format <= kSchemaFormatMax;
  Finding out{.what = "journal mode", .value = header.wal() ? "WAL" : "a rollback journal"};
  if (!known) {
    out.value =
        fmt::format("of format {}, schema format {}", header.write_format, header.schema_format);
    out.verdict = Verdict::must;
    out.advice = "a newer SQLite made it, and this one cannot write it: link a newer SQLite";
  } else if (!header.wal()) {
    out.verdict = Verdict::note;
    out.advice = "opening a journal switches it to WAL, which needs it for itself for a moment";
  }
  return out;
}

Finding pages_of(const DatabaseHeader& header) {
  Finding out{.what = "page size", .value = format_size(header.page_bytes)};
  if (header.page_bytes < kUsualPageBytes) {
    out.verdict = Verdict::note;
    out.advice =
        "smaller than the 4 KiB that most disks write at once: Synchronous::paranoid refuses it "
        "there. PRAGMA journal_mode=DELETE, page_size=4096, VACUUM change it";
  } else if (header.page_bytes >= kLargePageBytes) {
    out.verdict = Verdict::note;
    out.advice =
        "each page that a record changes is written to the log whole: small records cost "
        "several times what they cost with 4 KiB";
  }
  return out;
}

// ---- beside it

Findings look_at_rollback_journal(const DatabaseFile& file) {
  const auto path = file.beside("-journal");
  const std::uint64_t bytes = size_of(path);
  if (bytes == 0) return {};
  const Bytes first = Reader(path).read(0, 1);
  if (first.empty() || first[0] == 0) {
    return {{.what = "rollback journal", .value = format_size(bytes) + ", of no transaction"}};
  }
  return {{.what = "rollback journal",
           .value = format_size(bytes) + ", hot",
           .verdict = Verdict::note,
           .advice = "a writer is at work, or was cut off: then the next opening rolls its "
                     "transaction back. Keep the file beside the database; what is in the database "
                     "cannot be looked at before that"}};
}

// Frames whose salts are the header's, from the first on.
std::uint64_t frames_in(const Reader& reader, std::span<const unsigned char> header,
                        std::uint64_t bytes) {
  const std::uint64_t frame_bytes = kFrameHeaderBytes + number_at(header, kLogPageBytesAt);
  const auto salt = header.subspan(kLogSaltAt, kSaltBytes);
  std::uint64_t frames = 0;
  for (std::uint64_t at = kLogHeaderBytes; at + frame_bytes <= bytes; at += frame_bytes) {
    const Bytes frame = reader.read(at + kFrameSaltAt, kSaltBytes);
    if (!std::equal(frame.begin(), frame.end(), salt.begin(), salt.end())) break;
    ++frames;
  }
  return frames;
}

Findings look_at_log(const DatabaseFile& file) {
  const auto path = file.beside("-wal");
  const std::uint64_t bytes = size_of(path);
  if (bytes == 0) return {};
  const Reader reader(path);
  const Bytes header = reader.read(0, kLogHeaderBytes);
  if (header.size() < kLogHeaderBytes || (number_at(header, 0) & ~1U) != kLogMagic) {
    return {{.what = "log (-wal)",
             .value = format_size(bytes) + ", without a log's header",
             .verdict = Verdict::note,
             .advice = "SQLite reads nothing of it; if the database was copied here, copy its log "
                       "once more"}};
  }
  Finding out{
      .what = "log (-wal)",
      .value = fmt::format("{}, {} frames", format_size(bytes), frames_in(reader, header, bytes))};
  if (!is_there(file.beside("-shm"))) {
    out.verdict = Verdict::note;
    out.advice =
        "nobody has it open: a process ended without closing it, or it was copied. It belongs to "
        "the database, and the next opening takes it over: keep them together";
  }
  return {out};
}

Findings look_at_index(const DatabaseFile& file) {
  if (!is_there(file.beside("-shm")) || is_there(file.beside("-wal"))) return {};
  return {{.what = "log's index (-shm)",
           .value = format_size(size_of(file.beside("-shm"))) + ", without a log",
           .verdict = Verdict::note,
           .advice = "a log that was here is gone; if nobody took it away by hand, all is well"}};
}

Findings look_at_ballast(const DatabaseFile& file) {
  if (!is_there(file.beside("-ballast"))) return {};
  return {{.what = "ballast",
           .value = format_size(size_of(file.beside("-ballast"))),
           .verdict = Verdict::note,
           .advice =
               "room that a journal keeps for a full disk, and removes when it is closed; the "
               "next opening takes over what a crash left"}};
}

Findings look_at_intake(const DatabaseFile& file) {
  const auto folder = file.beside("-intake");
  std::error_code error;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with("segment-")) continue;
    ++segments;
    bytes += size_of(entry->path());
  }
  if (!is_there(folder)) return {};
  if (error) {
    return {{.what = "intake",
             .value = "cannot be read: " + error.message(),
             .verdict = Verdict::must,
             .advice = "the journal needs it: give it to the user of the program"}};
  }
  return {{.what = "intake",
           .value = fmt::format("{} segments, {}", segments, format_size(bytes)),
           .verdict = Verdict::note,
           .advice =
               "it belongs to the database, and may hold what is not in it yet: back up, move "
               "and restore both together"}};
}

// A journal takes no links, nor what is no file, for the files beside a database.
Findings look_at_kinds(const DatabaseFile& file) {
  Findings out;
  for (const char* suffix : {"-wal", "-shm", "-journal", "-ballast"}) {
    const auto path = file.beside(suffix);
    struct stat info = {};
    if (lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode)) continue;
    out.push_back({.what = "file beside it",
                   .value = fmt::format("{} is {}", printable(path.string()),
                                        S_ISLNK(info.st_mode) ? "a link" : kind(info.st_mode)),
                   .verdict = Verdict::must,
                   .advice = "a journal refuses it: find out who made it, and remove it"});
  }
  return out;
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::note:
      return "note";
    case Verdict::must:
      return "must";
  }
  return "?";
}

DatabaseFile find_database(const std::filesystem::path& given) {
  DatabaseFile out{.path = real_path(given)};
  struct stat info = {};
  if (stat(out.path.c_str(), &info) != 0) {
    throw RunError(fmt::format("{}: {}", printable(out.path.string()), system_message(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    throw RunError(fmt::format("{}: is {}; give the path of a database's file",
                               printable(out.path.string()), kind(info.st_mode)));
  }
  out.bytes = static_cast<std::uint64_t>(info.st_size);
  if (out.bytes > 0) out.header = read_header(out.path);
  out.at_rest = !is_there(out.beside("-wal")) && !is_there(out.beside("-shm")) &&
                !is_there(out.beside("-journal"));
  return out;
}

Findings look_at_file(const std::filesystem::path& given, const DatabaseFile& file) {
  Findings out{links_of(given, file)};
  if (file.bytes == 0) {
    out.push_back({.what = "content", .value = "empty: nothing was written to it yet"});
    return out;
  }
  out.push_back(format_of(file.header));
  out.push_back(pages_of(file.header));
  return out;
}

Findings look_beside(const DatabaseFile& file) {
  Findings out = look_at_kinds(file);
  if (!out.empty()) return out;
  append(out, look_at_rollback_journal(file));
  append(out, look_at_log(file));
  append(out, look_at_index(file));
  append(out, look_at_ballast(file));
  append(out, look_at_intake(file));
  if (out.empty()) out.push_back({.what = "left beside it", .value = "nothing"});
  return out;
}

}  // namespace onelane::tools
