/** Asks the reader for a file. Nothing happens when none is chosen. */
export function chooseFile(accept: string, take: (file: File) => void): void {
  const input = Object.assign(document.createElement('input'), { type: 'file', accept })
  input.onchange = () => {
    const file = input.files?.[0]
    if (file) take(file)
  }
  input.click()
}
