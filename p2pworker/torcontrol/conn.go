package torcontrol

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a reply, as Bitcoin Core's: bytes of a line without its end's \n, and lines.
const (
	maxLine  = 100_000
	maxLines = 1000
)

// readAhead is what is read of a line that is too long beyond the limit, in bytes: what
// is left unread when the connection is closed resets it.
const readAhead = 4096

// codeSyntax is the code of a reply to arguments that the daemon does not know.
const codeSyntax = 512

// Error is a reply that refuses. Code is of section 4 of the specification.
type Error struct {
	Command string
	Code    int
}

func (e *Error) Error() string { return fmt.Sprintf("Tor answered %s with %d", e.Command, e.Code) }

// Errors of replies that are against the protocol.
var (
	errReply = errors.New("the reply of Tor is against the protocol")
	errLong  = errors.New("the reply of Tor is too long")
)

// Conn is a connection to a daemon, used by one goroutine at a time.
type Conn struct {
	w io.Writer
	r *bufio.Reader
}

// New returns a Conn over a fresh connection.
func New(c io.ReadWriter) *Conn { return &Conn{w: c, r: bufio.NewReaderSize(c, maxLine+readAhead)} }

// ask sends a command and returns what the lines of the reply say.
func (c *Conn) ask(command string) ([]string, error) {
	if _, err := io.WriteString(c.w, command+"\r\n"); err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(command, " ")
	var lines []string
	for {
		line, err := c.line()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(lines) == maxLines {
			return nil, errLong
		}
		if len(line) < 4 {
			return nil, errReply
		}
		code, err := strconv.Atoi(line[:3])
		switch {
		case err != nil:
			return nil, errReply
		case code != 250:
			return nil, &Error{name, code}
		}
		lines = append(lines, line[4:])
		switch line[3] {
		case ' ':
			return lines, nil
		case '-':
		default:
			return nil, errReply // no data was asked for
		}
	}
}

func (c *Conn) line() (string, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine+1 {
		return "", errLong
	}
	return strings.TrimRight(string(line), "\r\n"), err
}

// Wait returns when the daemon ends the connection, and with it the service, or tells more
// at once than it may.
func (c *Conn) Wait() error {
	for lines := 0; lines <= maxLines; lines++ {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) > 3 && line[3] == ' ' { // the last of a reply, or of what was not asked for
			lines = -1
		}
	}
	return errLong
}

// words takes a line apart at spaces that are not within quotes. Of KEY="VALUE", and
// of "VALUE", the quotes and what they escape are resolved.
func words(line string) (list []string) {
	var word []byte
	quoted, any := false, false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '"':
			quoted, any = !quoted, true
		case b == '\\' && quoted && i+1 < len(line):
			i++
			word = append(word, unescape(line, &i))
		case b == ' ' && !quoted:
			if any || len(word) > 0 {
				list = append(list, string(word))
			}
			word, any = nil, false
		default:
			word = append(word, b)
		}
	}
	if any || len(word) > 0 {
		list = append(list, string(word))
	}
	return list
}

// unescape reads what stands behind a backslash at i: an octal number of up to three
// digits, a letter for a control character, or any byte for itself.
func unescape(line string, i *int) byte {
	switch b := line[*i]; {
	case b >= '0' && b <= '3':
		n := 0
		end := min(*i+3, len(line))
		for ; *i < end && line[*i] >= '0' && line[*i] <= '7'; *i++ {
			n = 8*n + int(line[*i]-'0')
		}
		*i--
		return byte(n)
	case b == 'n':
		return '\n'
	case b == 't':
		return '\t'
	case b == 'r':
		return '\r'
	default:
		return b
	}
}

// values are the words KEY=VALUE of a line, by key.
func values(line string) map[string]string {
	all := map[string]string{}
	for _, word := range words(line) {
		if key, value, ok := strings.Cut(word, "="); ok {
			all[key] = value
		}
	}
	return all
}

// quote makes a word of the protocol of any bytes.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", `\r`, "\n", `\n`).Replace(text) + `"`
}
