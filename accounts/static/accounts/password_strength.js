// Shows how strong a new password is while it is typed. An estimate, to help people choose: the server decides.
// Nothing that is typed leaves the page.
(() => {
  "use strict";

  const ENOUGH_CHARACTERS = 12;
  const SENTENCES = ["", "Weak", "Fair", "Good", "Strong"];
  // Bits of a guesser's work from which each of the last three sentences is true.
  const BITS = [35, 50, 65];
  // A letter among letters is part of a word, which is guessed as one.
  const BITS_OF_A_LETTER_IN_WORDS = 2.6;
  const KNOWN = ["password", "passw0rd", "iloveyou", "welcome", "letmein", "football", "monkey", "dragon", "admin",
    "linkedin", "january", "february", "march", "april", "june", "july", "august", "september", "october", "november",
    "december", "summer", "winter"];
  const ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

  const alphabet = (text) =>
    (/[a-z]/.test(text) ? 26 : 0) + (/[A-Z]/.test(text) ? 26 : 0) + (/[0-9]/.test(text) ? 10 : 0) +
    (/[^a-zA-Z0-9]/.test(text) ? 32 : 0);

  // A character that follows from the one before it, by repetition or in a row, adds next to nothing.
  const follows = (before, character) => {
    const pair = before + character;
    const turned = character + before;
    return before === character || ROWS.some((row) => row.includes(pair) || row.includes(turned));
  };

  const without = (text, word) => {
    const at = text.toLowerCase().indexOf(word);
    return at < 0 ? text : text.slice(0, at) + without(text.slice(at + word.length), word);
  };

  // "abcabc" is worth as much as "abc".
  const withoutRepetition = (text) => text.slice(0, (text + text).indexOf(text, 1));

  const bitsOf = (password, known) => {
    let text = password;
    for (const word of [...KNOWN, ...known]) text = without(text, word.toLowerCase());
    text = withoutRepetition(text);
    const lower = text.toLowerCase();
    let counted = 0;
    for (let at = 0; at < text.length; at += 1) counted += at > 0 && follows(lower[at - 1], lower[at]) ? 0.25 : 1;
    // Words repeat themselves: few different characters are worth less.
    const variety = Math.min(1, new Set(lower).size / 8);
    const each = /^[a-zA-Z ]*$/.test(text) ? BITS_OF_A_LETTER_IN_WORDS : Math.log2(alphabet(text) || 1);
    return counted * each * variety;
  };

  const gradeOf = (password, known) => {
    if (!password) return [0, ""];
    const missing = ENOUGH_CHARACTERS - [...password].length;
    if (missing > 0) return [1, `Too short: ${missing} more character${missing === 1 ? "" : "s"}`];
    const bits = bitsOf(password, known);
    const grade = 1 + BITS.filter((enough) => bits >= enough).length;
    return [grade, SENTENCES[grade]];
  };

  const knownWords = (form) =>
    [...form.querySelectorAll("input[name=username], input[type=email], input[name=first_name], input[name=last_name]")]
      .flatMap((field) => field.value.split(/[@.\s]/)).filter((word) => word.length > 2);

  for (const field of document.querySelectorAll("input[type=password][autocomplete=new-password]")) {
    const form = field.form;
    const first = form && form.querySelector("input[type=password][autocomplete=new-password]");
    // The second one is the confirmation.
    if (field !== first) continue;
    const meter = Object.assign(document.createElement("meter"), { min: 0, max: 4, low: 2, high: 3, optimum: 4, value: 0 });
    meter.className = "password-meter";
    meter.setAttribute("aria-hidden", "true");
    const words = document.createElement("p");
    words.className = "password-strength";
    words.setAttribute("role", "status");
    field.after(meter, words);
    field.addEventListener("input", () => {
      const [grade, sentence] = gradeOf(field.value, knownWords(form));
      meter.value = grade;
      words.textContent = sentence && `Strength: ${sentence}`;
    });
  }
})();
